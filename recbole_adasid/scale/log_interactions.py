"""Training interactions of a log that is in files, some users at a time.

Letters: I interactions, N items.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.cache import digest_of_parts
from recbole_adasid.data.baskets import Baskets, Limits
from recbole_adasid.locks import held
from recbole_adasid.scale.basket_files import BasketFiles, Block
from recbole_adasid.scale.buckets import BYTES_OF_A_RECORD
from recbole_adasid.scale.numbered_log import training_sizes
from recbole_adasid.scale.sorted_log import SortedLog, user_blocks

_BYTES_OF_A_ROW = 60
"""Memory that an interaction takes, about, while its block is at work."""
_MOST_ROWS = 1_000_000
"""More together are no quicker."""


class LogInteractions:
    """What is trained on of a log: each user's interactions but for the last ones.

    Args:
        log: in files.
        held_out: interactions of a user, the last ones, that are not for training.
        memory: bytes that work on them may take.
    """

    def __init__(self, log: SortedLog, *, held_out: int, memory: int) -> None:
        self.log, self.held_out, self.memory = log, held_out, memory

    def __len__(self) -> int:
        """Return I."""
        return self._length

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users, numbered from 1, and item rows [I], in memory: 16 bytes each."""
        users, items = np.empty(len(self), dtype=np.int64), np.empty(len(self), dtype=np.int64)
        done = 0
        for user, item in self.blocks():
            users[done : done + len(user)], items[done : done + len(user)] = user + 1, item
            done += len(user)
        return users, items

    def digest(self) -> str:
        """Return what the digest of :meth:`arrays` is."""
        return self._digest

    def counts(self, n_items: int) -> NDArray[np.int64]:
        """Return how many interactions each item [N] has."""
        counts = np.zeros(n_items, dtype=np.int64)
        for _, item in self.blocks():
            counts += np.bincount(item, minlength=n_items)
        return counts

    @contextmanager
    def baskets(self, n_items: int, limits: Limits) -> Iterator[Baskets]:
        """Return each user's items within limits, in files beside the log that are there as long as the block lasts."""
        folder = self.log.folder.with_suffix(".baskets")
        with held(folder.with_suffix(".lock"), f"the baskets {folder}", wait=True):
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
            folder.mkdir()
            try:
                n_buckets = 1 + len(self) * BYTES_OF_A_RECORD // self.memory
                files = BasketFiles(folder, limits, rows_at_once=self._at_once, n_buckets=n_buckets)
                yield files.baskets(self.blocks(), n_items)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def blocks(self) -> Iterator[Block]:
        """Yield users, from 0, and item rows, of some users at a time."""
        starts = self.log.starts
        for block in user_blocks(starts, self._at_once):
            whole = np.diff(starts[block.start : block.stop + 1])
            kept = training_sizes(whole, self.held_out)
            within = np.arange(whole.sum()) - np.repeat(np.cumsum(whole) - whole, whole)
            items = self.log.items[starts[block.start] : starts[block.stop]][within < np.repeat(kept, whole)]
            yield np.repeat(np.arange(block.start, block.stop), kept), items.astype(np.int64) - 1

    @property
    def _at_once(self) -> int:
        return min(max(1, self.memory // _BYTES_OF_A_ROW), _MOST_ROWS)

    @cached_property
    def _length(self) -> int:
        return sum(len(user) for user, _ in self.blocks())

    @cached_property
    def _digest(self) -> str:
        users = (user + 1 for user, _ in self.blocks())
        return digest_of_parts(len(self), users, (item for _, item in self.blocks()))
