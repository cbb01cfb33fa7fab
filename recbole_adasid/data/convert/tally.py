"""Counting users, items and interactions, in total and in the k-core, for any number of interactions.

Interactions are kept in a temporary file as pairs of 64-bit hashes, so memory grows only with users and items, about
eight bytes each. Counting repetitions takes another eight bytes of disk per interaction for a while. Among ten million
users, two share a hash with a probability of one in a million.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.buckets import Buckets

_BUFFERED = 1 << 17
# Pairs processed together, and hashes sorted together.
_CHUNK, _SORTED = 1 << 16, 1 << 18
# Pairs in a bucket, about: 16 MiB of hashes, and few enough buckets to append to all of them again and again.
_PART = 1 << 21
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Statistics:
    """The size of a dataset, as in the tables of papers."""

    users: int
    items: int
    interactions: int

    @property
    def density(self) -> float:
        """The share of all user–item pairs that interacted, repeats counted."""
        return self.interactions / (self.users * self.items) if self.interactions else 0.0


class Tally:
    """Counts interactions as they pass by.

    Use it as a context manager: its temporary file is removed on exit.
    """

    def __init__(self, folder: Path) -> None:
        """Put the temporary file into `folder`, which must exist."""
        self._folder = folder
        self._pairs = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed with the context
        self._waiting = array("q")
        self.interactions = 0

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self._pairs.close()

    def add(self, user: str, item: str) -> None:
        """Count an interaction."""
        self._waiting.append(hash(user))
        self._waiting.append(hash(item))
        self.interactions += 1
        if len(self._waiting) >= _BUFFERED:
            self._flush()

    def statistics(self, core: int) -> tuple[Statistics, Statistics]:
        """Return the size of everything counted, and of its k-core with k = `core`."""
        self._flush()
        users, items = self._distinct(0), self._distinct(1)
        with tempfile.TemporaryFile(dir=self._folder) as rows:
            for chunk in _chunks(self._pairs, np.int64):
                numbers = np.stack([np.searchsorted(users, chunk[:, 0]), np.searchsorted(items, chunk[:, 1])], axis=1)
                rows.write(numbers.astype(np.int32).tobytes())
            inner = _core(rows, len(users), len(items), core)
        return Statistics(len(users), len(items), self.interactions), inner

    def repetitions(self) -> int:
        """Return how many interactions repeat an earlier user–item pair."""
        self._flush()
        n_buckets = self.interactions // _PART + 1
        distinct = 0
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".pairs-") as folder:
            buckets = Buckets(Path(folder) / "hashes", n_buckets, [("hash", "u8")])
            for mixed in map(_mixed, _chunks(self._pairs, np.int64)):
                buckets.add(mixed % np.uint64(n_buckets), mixed)
            for records in buckets.take():
                together = records["hash"]
                together.sort()
                distinct += min(len(together), 1) + int(np.count_nonzero(together[1:] != together[:-1]))
        return self.interactions - distinct

    def _flush(self) -> None:
        self._pairs.seek(0, 2)
        self._pairs.write(self._waiting.tobytes())
        self._waiting = array("q")

    def _distinct(self, column: int) -> NDArray[np.int64]:
        found, fresh = np.empty(0, dtype=np.int64), [np.empty(0, dtype=np.int64)]
        for chunk in _chunks(self._pairs, np.int64):
            fresh.append(np.unique(chunk[:, column]))
            if sum(map(len, fresh)) > max(len(found), _SORTED):  # rarely, as each time everything is sorted
                found, fresh = np.unique(np.concatenate([found, *fresh])), []
        return np.unique(np.concatenate([found, *fresh]))


def _chunks(file: BinaryIO, kind: type[np.signedinteger]) -> Iterator[NDArray]:
    """Yield a file's pairs [C, 2] in large chunks."""
    size = _CHUNK * 2 * np.dtype(kind).itemsize
    place = 0
    while True:
        file.seek(place)
        block = file.read(size)
        if not block:
            return
        yield np.frombuffer(block, dtype=kind).reshape(-1, 2)
        place += len(block)


def _mixed(pairs: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one hash per pair [C]."""
    users, items = pairs.view(np.uint64).T
    mixed = users * _MIX + items  # wraps around
    return mixed ^ (mixed >> np.uint64(29))


def _core(rows: BinaryIO, n_users: int, n_items: int, least: int) -> Statistics:
    """Return the size of the k-core: drop users and items with fewer than `least` interactions until none are left.

    Args:
        rows: pairs of user and item numbers, int32.
    """
    users_stay, items_stay = np.ones(n_users, dtype=bool), np.ones(n_items, dtype=bool)
    while True:
        of_users, of_items = np.zeros(n_users, dtype=np.int64), np.zeros(n_items, dtype=np.int64)
        for chunk in _chunks(rows, np.int32):
            kept = chunk[users_stay[chunk[:, 0]] & items_stay[chunk[:, 1]]]
            of_users += np.bincount(kept[:, 0], minlength=n_users)
            of_items += np.bincount(kept[:, 1], minlength=n_items)
        before = users_stay.sum() + items_stay.sum()
        users_stay, items_stay = of_users >= least, of_items >= least
        if users_stay.sum() + items_stay.sum() == before:
            return Statistics(int(users_stay.sum()), int(items_stay.sum()), int(of_users.sum()))
