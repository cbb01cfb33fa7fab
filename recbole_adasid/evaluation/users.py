"""Users with several held-out items: their ranks depend on each other, so they count as one user, not as several."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.evaluation.record import Record


def numbered_users(users: ArrayLike) -> NDArray[np.int64]:
    """Return the users of some rows [R] as numbers from 0, in order of appearance: users of one row each are 0, 1, …"""
    _, first, user = np.unique(np.asarray(users), return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[user.reshape(-1)]


def count_users(users: ArrayLike) -> int:
    """Return the number of different users among those of some rows [R]."""
    return len(np.unique(np.asarray(users)))


def told_of_repeated(record: Record) -> str:
    """Return a sentence for the console if some users of a test's record have several rows, otherwise nothing."""
    n_rows, n_users = (len(record["user"]), count_users(record["user"])) if record else (0, 0)
    if n_rows == n_users:
        return ""
    return (
        f"The test has {n_rows:,} interactions of {n_users:,} users: intervals count a user once, with all of their "
        "interactions."
    )
