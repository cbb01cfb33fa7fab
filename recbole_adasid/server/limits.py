"""What one client may ask of a server, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        max_histories: histories in one request.
        max_length: items in one history.
        max_k: items to recommend after each.
        max_items: items added or removed by one request.
        max_body: bytes of a request's body.
        max_batch: histories decoded together.
        max_wait_ms: milliseconds that the first of them waits for others.
        queue: histories that may wait; more are refused.
        timeout: seconds within which a request has to arrive, and then be answered.
    """

    max_histories: int = 256
    max_length: int = 1000
    max_k: int = 100
    max_items: int = 1000
    max_body: int = 2**20
    max_batch: int = 64
    max_wait_ms: float = 2.0
    queue: int = 1024
    timeout: float = 10.0
