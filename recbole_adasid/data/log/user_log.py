"""A log of any size as the baskets that Swing reads, by way of files: memory grows with users and items alone.

A user's last interactions are held out as the main job's split does, so that the pairs are those of the main job on the
same log.

Letters: I interactions, U users, N items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.baskets import Baskets, Limits
from recbole_adasid.data.log.basket_files import BasketFiles, Block
from recbole_adasid.data.log.numbered_log import LogNumbering, NumberedLog, training_sizes


@dataclass(frozen=True)
class PreparedLog:
    """The training interactions of a log."""

    baskets: Baskets
    """Of the users, in files."""
    tokens: list[str]
    """Of the N items, those without training interactions included."""
    sizes: NDArray[np.int64]
    """How many items a user has, each number once."""
    most_users: int
    """That an item has."""
    interactions: int
    """I, those held out included."""


class LogPreparation(LogNumbering):
    """The way of a log from its files to baskets.

    Args:
        folder: for files in between, and for the baskets; it is there and empty.
        limits: of users and items.
        held_out: interactions of a user, the last ones, that are not for training.
        memory: GiB that it may take beside the numbers of users and items.
        progress: show a bar while files are read.
    """

    def __init__(
        self, folder: Path, limits: Limits, *, held_out: int = 2, memory: float = 1.0, progress: bool = False
    ) -> None:
        super().__init__(folder, memory=memory, progress=progress)
        self.limits, self.held_out = limits, held_out

    def prepare(self, where: str | Path, columns: Mapping[str, str]) -> PreparedLog:
        """Return what Swing needs of the log ``where``, in columns that ``columns`` names; see :func:`read_log`.

        Raises:
            ValueError: if the log has no interaction, or a row that cannot be used.
            CannotWrite: if the disk has no room for the files in between.
        """
        log = self.number(where, columns)
        tokens = [token for some in self.tokens("items", log.items) for token in some]
        files = BasketFiles(self.folder, self.limits, rows_at_once=self.rows_at_once, n_buckets=self.n_buckets)
        baskets = files.baskets(_training(log, self.held_out), len(tokens))
        sizes, most_users = np.unique(np.diff(baskets.starts)), baskets.most_users(len(tokens))
        return PreparedLog(baskets, tokens, sizes, most_users, log.interactions)


def _training(log: NumberedLog, held_out: int) -> Iterator[Block]:
    for user, item in log.ordered("user", "item"):
        chosen = for_training(user, held_out)
        yield user[chosen], item[chosen].astype(np.int64)


def for_training(users: NDArray[np.int64], held_out: int) -> NDArray[np.bool_]:
    """Mark what the main job trains on: a user's rows, in the order of time, but for the last ``held_out``."""
    ends = np.flatnonzero(np.diff(users, append=-1))
    sizes = np.diff(ends, prepend=-1)
    to_last = np.repeat(ends, sizes) - np.arange(len(users))
    return to_last >= np.repeat(sizes - training_sizes(sizes, held_out), sizes)
