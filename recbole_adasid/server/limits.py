"""Limits on requests, queue and waiting times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        max_histories: histories per request.
        max_length: items per history.
        max_k: items to recommend per history.
        max_items: items added or removed per request.
        max_body: bytes per request body.
        max_batch: histories per batch.
        max_wait_ms: milliseconds to wait for more requests to join a batch.
        queue: histories waiting to be decoded; more are refused.
        timeout: seconds for a request to arrive, and again to be answered.
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
