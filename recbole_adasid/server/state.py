"""State shared by all routes: the current snapshot, the batcher in front of it, limits and metrics."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recbole_adasid.server.batching import Batcher, Histories, Options
from recbole_adasid.server.errors import Busy
from recbole_adasid.server.limits import Limits
from recbole_adasid.server.metrics import Metrics
from recbole_adasid.server.snapshot import Snapshot
from recbole_adasid.serving.recommender import Recommender

EXPLAINED_AT_ONCE = 8
"""Explanations computed at the same time. Each decodes by itself, in a thread that other routes need, too."""


class Serving:
    """A recommender that is being served.

    Args:
        recommender: must not be changed elsewhere from now on.
        limits: limits for clients.
    """

    def __init__(self, recommender: Recommender, limits: Limits) -> None:
        self.limits, self.metrics = limits, Metrics()
        self.snapshot = Snapshot(recommender)
        """What requests read. Take it once per request: it is replaced when items change."""
        self.batcher = Batcher(
            self._decode,
            max_batch=limits.max_batch,
            max_wait=limits.max_wait_ms / 1000,
            queue=limits.queue,
            told=self.metrics.decoded,
        )
        self._explaining = threading.BoundedSemaphore(EXPLAINED_AT_ONCE)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Take one of the places for explanations.

        Raises:
            Busy: if none is free.
        """
        if not self._explaining.acquire(blocking=False):
            raise Busy(f"{EXPLAINED_AT_ONCE} explanations are being computed: retry later")
        try:
            yield
        finally:
            self._explaining.release()

    async def recommend(self, histories: Histories, options: Options) -> list[list[dict[str, Any]]]:
        """Return the recommendations after each history, decoded in a batch with other requests.

        Raises:
            Busy: if the queue is full, or it takes too long.
            ValueError: as from `recommend_many`.
        """
        answer = asyncio.wrap_future(self.batcher.submit(histories, options))
        try:
            return await asyncio.wait_for(answer, self.limits.timeout)
        except asyncio.TimeoutError:
            raise Busy(f"no result within {self.limits.timeout:g} s: retry later, or ask for less") from None

    def close(self) -> None:
        """Answer pending requests and accept no more."""
        self.batcher.close()

    def _decode(self, histories: Histories, options: Options) -> list[list[dict[str, Any]]]:
        snapshot = self.snapshot
        # Clients may send unknown items at any rate.
        found = snapshot.recommender.recommend_many(histories, **options._asdict(), warn_unknown=False)
        return snapshot.told(found)
