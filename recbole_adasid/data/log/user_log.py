"""A log of any size as the baskets that Swing reads, via files: memory grows only with users and items.

A user's last interactions are held out as in the main job's split, so that the pairs equal those of the main job on
the same log.

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
    """Of the N items, including those without training interactions."""
    sizes: NDArray[np.int64]
    """Distinct numbers of items per user."""
    most_users: int
    """Number of users of the most popular item."""
    interactions: int
    """I, including held-out ones."""


class LogPreparation(LogNumbering):
    """Turns a log's files into baskets.

    Args:
        folder: for temporary files and the baskets; exists and is empty.
        limits: of users and items.
        held_out: number of a user's last interactions that are not for training.
        memory: GiB available in addition to the numbers of users and items.
        progress: show a bar while reading files.
    """

    def __init__(
        self, folder: Path, limits: Limits, *, held_out: int = 2, memory: float = 1.0, progress: bool = False
    ) -> None:
        super().__init__(folder, memory=memory, progress=progress)
        self.limits, self.held_out = limits, held_out

    def prepare(self, where: str | Path, columns: Mapping[str, str]) -> PreparedLog:
        """Return Swing's input from the log ``where``, with column names from ``columns``; see :func:`read_log`.

        Raises:
            ValueError: if the log has no interaction, or an unusable row.
            CannotWrite: if the disk has no room for temporary files.
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
    """Mark the training part: a user's rows, in chronological order, except the last ``held_out``."""
    ends = np.flatnonzero(np.diff(users, append=-1))
    sizes = np.diff(ends, prepend=-1)
    to_last = np.repeat(ends, sizes) - np.arange(len(users))
    return to_last >= np.repeat(sizes - training_sizes(sizes, held_out), sizes)
