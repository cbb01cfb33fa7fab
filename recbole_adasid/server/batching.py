"""Micro-batching: histories that arrive together are decoded together, in one thread.

A worker takes what is waiting, up to a number of histories, after giving others a few milliseconds to join; requests
with the same options are decoded in one call.
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


class Batcher:
    """Decodes requests in a thread of its own, together where they can be.

    Args:
        decode: returns one result for each history.
        max_batch: histories decoded together; one request's own histories are never divided.
        max_wait: seconds that the first of them waits for others.
        queue: histories that may wait; more are refused.
        told: called with the number of histories and the seconds of every call of ``decode``.
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
        """Number of histories that wait."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether requests are taken and decoded."""
        return self._thread.is_alive() and not self._closed

    def submit(self, histories: Histories, options: Options) -> Future[list[Any]]:
        """Return the future results of a request, one for each history; cancel it to give up waiting.

        Raises:
            Busy: if too many histories wait, or the batcher is closed.
        """
        job = _Job(histories, options, Future())
        with self._changed:
            if self._closed:
                raise Busy("the server is stopping: ask again, of another one or later")
            if self._waiting and self._waiting + len(histories) > self._queue:
                raise Busy(f"{self._waiting} histories are waiting, of {self._queue} that may: ask again later")
            self._jobs.append(job)
            self._waiting += len(histories)
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """Refuse new requests, answer those that wait, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while jobs := self._collect():
            together: dict[Options, list[_Job]] = {}
            for job in jobs:
                if job.answer.set_running_or_notify_cancel():  # nobody waits for a cancelled one
                    together.setdefault(job.options, []).append(job)
            for options, group in together.items():
                self._answer(options, group)

    def _collect(self) -> list[_Job]:
        """Wait for jobs and take those to be decoded together; none if the batcher is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            until = time.monotonic() + self._max_wait
            while self._waiting < self._max_batch and not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            jobs: list[_Job] = []
            size = 0
            while self._jobs and (not jobs or size + len(self._jobs[0].histories) <= self._max_batch):
                jobs.append(self._jobs.popleft())
                size += len(jobs[-1].histories)
            self._waiting -= size
            return jobs

    def _answer(self, options: Options, group: Sequence[_Job]) -> None:
        histories = [history for job in group for history in job.histories]
        started = time.perf_counter()
        try:
            found = iter(self._decode(histories, options))
            answers = [[next(found) for _ in job.histories] for job in group]
        except Exception as error:  # of the options, which all of the group share, or of the decoder
            for job in group:
                job.answer.set_exception(error)
            return
        self._told(len(histories), time.perf_counter() - started)
        for job, answer in zip(group, answers):
            job.answer.set_result(answer)
