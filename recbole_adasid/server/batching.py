"""Micro-batching: histories from concurrent requests are decoded together, in one thread.

The worker waits a few milliseconds for more requests, then takes up to a maximum number of histories; requests with
the same options are decoded in one call.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from recbole_adasid.server.errors import Busy


class Options(NamedTuple):
    """Options of :meth:`~recbole_adasid.serving.recommender.Recommender.recommend_many`, hashable."""

    k: int = 10
    exclude_seen: bool = True
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    category: str | None = None
    new_share: float = 0.0


Histories = Sequence[Sequence[str]]
Decode = Callable[[Histories, Options], Sequence[Any]]


class _Job(NamedTuple):
    histories: Histories
    options: Options
    answer: Future[list[Any]]

    @property
    def size(self) -> int:
        """Its part of the queue and of a batch; a request without histories takes memory, too."""
        return max(1, len(self.histories))


class Batcher:
    """Decodes requests in its own thread, batched where possible.

    Args:
        decode: returns one result per history.
        max_batch: maximum number of histories per batch; a single request is never split.
        max_wait: seconds to wait for more requests to join a batch.
        queue: maximum number of waiting histories; more are refused.
        told: called with the number of histories and the seconds of every ``decode`` call.
    """

    def __init__(
        self,
        decode: Decode,
        *,
        max_batch: int,
        max_wait: float,
        queue: int,
        told: Callable[[int, float], None] = lambda _, __: None,
    ) -> None:
        self._decode, self._told = decode, told
        self._max_batch, self._max_wait, self._queue = max_batch, max_wait, queue
        self._jobs: deque[_Job] = deque()
        self._waiting, self._closed = 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="decoder", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of waiting histories."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether requests are accepted and decoded."""
        return self._thread.is_alive() and not self._closed

    def submit(self, histories: Histories, options: Options) -> Future[list[Any]]:
        """Queue a request and return the future of its results, one per history; cancel it to stop waiting.

        Raises:
            Busy: if the queue is full or the batcher closed.
        """
        job = _Job(histories, options, Future())
        with self._changed:
            if self._closed:
                raise Busy("the server is shutting down: retry later, or on another server")
            if self._waiting and self._waiting + job.size > self._queue:
                raise Busy(f"the queue is full, {self._waiting} of {self._queue} histories are waiting: retry later")
            self._jobs.append(job)
            self._waiting += job.size
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """Refuse new requests, answer waiting ones, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while jobs := self._collect():
            together: dict[Options, list[_Job]] = {}
            for job in jobs:
                together.setdefault(job.options, []).append(job)
            for options, group in together.items():
                # Asked only now: clients may give up while other groups are decoded.
                if wanted := [job for job in group if job.answer.set_running_or_notify_cancel()]:
                    self._answer(options, wanted)

    def _collect(self) -> list[_Job]:
        """Wait for jobs and take a batch of them; empty once the batcher is closed and nothing is waiting."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            until = time.monotonic() + self._max_wait
            while self._waiting < self._max_batch and not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            jobs: list[_Job] = []
            size = 0
            while self._jobs and (not jobs or size + self._jobs[0].size <= self._max_batch):
                jobs.append(self._jobs.popleft())
                size += jobs[-1].size
            self._waiting -= size
            return jobs

    def _answer(self, options: Options, group: Sequence[_Job]) -> None:
        histories = [history for job in group for history in job.histories]
        started = time.perf_counter()
        try:
            found = iter(self._decode(histories, options))
            answers = [[next(found) for _ in job.histories] for job in group]
        except Exception as error:  # from the options, which the whole group shares, or from the decoder
            for job in group:
                job.answer.set_exception(error)
            return
        self._told(len(histories), time.perf_counter() - started)
        for job, answer in zip(group, answers):
            job.answer.set_result(answer)
