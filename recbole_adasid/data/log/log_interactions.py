"""Training interactions of a log in files, in blocks of users.

Letters: I interactions, N items.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.baskets import Baskets, Limits, add_counts, user_blocks
from recbole_adasid.data.log.basket_files import BasketFiles, Block
from recbole_adasid.data.log.numbered_log import training_sizes
from recbole_adasid.data.log.sorted_log import SortedLog
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.buckets import BYTES_OF_A_RECORD
from recbole_adasid.io.digests import digest_of_parts
from recbole_adasid.io.locks import InUse, held

_BYTES_OF_A_ROW = 60
"""Approximate memory per interaction while its block is processed."""
_MOST_ROWS = 1_000_000
"""Larger blocks are no faster."""


class LogInteractions:
    """The training part of a log: each user's interactions except the last ones.

    Args:
        log: the sorted log, in files.
        held_out: number of a user's last interactions that are not for training.
        memory: bytes available for processing.
    """

    def __init__(self, log: SortedLog, *, held_out: int, memory: int) -> None:
        self.log, self.held_out, self.memory = log, held_out, memory

    def __len__(self) -> int:
        """Return I."""
        return self._length

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users, numbered from 1, and item rows [I], in memory: 16 bytes per interaction."""
        users, items = np.empty(len(self), dtype=np.int64), np.empty(len(self), dtype=np.int64)
        done = 0
        for user, item in self.blocks():
            users[done : done + len(user)], items[done : done + len(user)] = user + 1, item
            done += len(user)
        return users, items

    def digest(self) -> str:
        """Return the digest of :meth:`arrays`."""
        return self._digest

    def counts(self, n_items: int) -> NDArray[np.int64]:
        """Return the number of interactions of each item [N]."""
        counts = np.zeros(n_items, dtype=np.int64)
        for _, item in self.blocks():
            add_counts(counts, item)
        return counts

    @contextmanager
    def baskets(self, n_items: int, limits: Limits) -> Iterator[Baskets]:
        """Yield each user's items within limits, in temporary files next to the log."""
        with _folder_beside(self.log.folder) as folder:
            n_buckets = 1 + len(self) * BYTES_OF_A_RECORD // self.memory
            files = BasketFiles(folder, limits, rows_at_once=self._at_once, n_buckets=n_buckets)
            yield files.baskets(self.blocks(), n_items)

    def blocks(self) -> Iterator[Block]:
        """Yield users, from 0, and item rows, in blocks of users."""
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
        return int(training_sizes(np.diff(self.log.starts), self.held_out).sum())

    @cached_property
    def _digest(self) -> str:
        users = (user + 1 for user, _ in self.blocks())
        return digest_of_parts(len(self), users, (item for _, item in self.blocks()))


@contextmanager
def _folder_beside(log: Path) -> Iterator[Path]:
    """Yield an empty folder on the log's disk, or a temporary one if that is not writable.

    Removed on exit; leftovers of killed processes are removed by the next call.
    """
    for leftover in log.parent.glob(f"{log.name}.work-*.lock"):
        with suppress(InUse, CannotWrite), held(leftover, "", wait=False):
            shutil.rmtree(leftover.with_suffix(""), ignore_errors=True)
            leftover.unlink(missing_ok=True)
    folder = log.with_name(f"{log.name}.work-{os.getpid()}")
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder.with_name(f"{folder.name}.lock"), str(folder), wait=True))
            folder.mkdir()
        except OSError:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baskets-")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
