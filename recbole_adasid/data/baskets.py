"""Users' baskets: the interactions that item pairs are mined from, without repeats and within limits.

Letters: I interactions, U users, N items, E items of some users in total.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from recbole_adasid.data.ordering import rank_in_group, stable_order

_COUNTED_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits that bound the work on big data; ours, not the paper's. None disables a limit.

    Raises:
        ValueError: for a limit below 1.
    """

    top_k: int | None = 50
    """Targets kept per trigger, best first (ties: the smaller row)."""
    max_user_items: int | None = 1000
    """Items kept per user, the latest ones."""
    max_item_users: int | None = 1000
    """Users kept per item, those with the fewest items (ties: whose interaction with it comes first)."""

    def __post_init__(self) -> None:
        """Check the limits."""
        for name, limit in vars(self).items():
            if limit is not None and limit < 1:
                raise ValueError(f"swing {name} is {limit}: pass 1 or more, or null for no limit.")


@dataclass(frozen=True)
class Baskets:
    """Items of consecutive users, each once, in ascending order."""

    first_user: int
    starts: NDArray[np.int64]
    """[U + 1], where each user's items begin, plus the end of the last."""
    items: NDArray[np.int32]
    """Item rows [E]."""

    @property
    def n_users(self) -> int:
        """Return U."""
        return len(self.starts) - 1

    def most_users(self, n_items: int) -> int:
        """Return the number of users of the item with the most users, among N; items may lie in a file of any size."""
        counts = np.zeros(n_items, dtype=np.int64)
        for start in range(0, len(self.items), _COUNTED_AT_ONCE):
            add_counts(counts, self.items[start : start + _COUNTED_AT_ONCE])
        return int(counts.max(initial=0))

    def part(self, users: slice) -> Baskets:
        """Return a slice of the users, counted from the first here."""
        starts = self.starts[users.start : users.stop + 1]
        return Baskets(self.first_user + users.start, starts - starts[0], self.items[starts[0] : starts[-1]])


def baskets_of(users: ArrayLike, items: ArrayLike, n_items: int, limits: Limits) -> Baskets:
    """Return the baskets of users [I] and item rows [I] in chronological order; repeats count once.

    Raises:
        ValueError: if users and items differ in number or an item row is outside 0 … N−1.
    """
    check_interactions(users, items, n_items)
    return _of_rows(*_limited(np.asarray(users), np.asarray(items, dtype=np.int64), n_items, limits), n_items)


def user_blocks(starts: NDArray[np.int64], at_once: int) -> Iterator[slice]:
    """Yield slices of consecutive users with at most ``at_once`` items; a user with more is yielded alone.

    Args:
        starts: where each user's items begin, plus the end of the last, [U + 1].
        at_once: maximum items of a block.
    """
    first, n_users = 0, len(starts) - 1
    while first < n_users:
        stop = max(first + 1, int(np.searchsorted(starts, starts[first] + at_once, side="right")) - 1)
        yield slice(first, stop)
        first = stop


def add_counts(counts: NDArray[np.int64], values: NDArray[np.integer]) -> None:
    """Add to counts [N] how often each number 0 … N−1 occurs in the values."""
    if len(counts) <= 4 * len(values):
        counts += np.bincount(values, minlength=len(counts))
        return
    distinct, times = np.unique(values, return_counts=True)  # costs as much as there are values, however large N is
    counts[distinct] += times


def latest_of_users(
    users: NDArray[np.int64], items: NDArray[np.int64], n_items: int, limit: int | None
) -> NDArray[np.int64]:
    """Return the interactions [I] to keep, ascending: the last of repeats, and the last `limit` of a user."""
    both = users * n_items + items
    order = stable_order(both)
    both = both[order]
    kept = np.sort(order[np.r_[both[1:] != both[:-1], True][: len(both)]])
    if limit is None:
        return kept
    return kept[first_of_groups(users[kept], -np.arange(len(kept)), limit)]


def first_of_groups(group: NDArray, key: NDArray, limit: int) -> NDArray[np.bool_]:
    """Mark the `limit` entries of smallest `key` in each group (stable); only groups over the limit are sorted."""
    marked = np.ones(len(group), dtype=bool)
    crowded = np.flatnonzero(np.bincount(group)[group] > limit)
    marked[crowded] = rank_in_group(group[crowded], key[crowded]) < limit
    return marked


def _limited(
    users: NDArray, items: NDArray[np.int64], n_items: int, limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the user rows and item rows of the interactions to keep, without repeats."""
    user_rows = pd.factorize(users)[0].astype(np.int64)
    latest = latest_of_users(user_rows, items, n_items, limits.max_user_items)
    user_rows, item_rows = user_rows[latest], items[latest]
    if limits.max_item_users is not None:
        busy = np.bincount(user_rows)[user_rows]
        focused = first_of_groups(item_rows, busy, limits.max_item_users)
        user_rows, item_rows = user_rows[focused], item_rows[focused]
    return pd.factorize(user_rows)[0].astype(np.int64), item_rows


def _of_rows(user_rows: NDArray[np.int64], item_rows: NDArray[np.int64], n_items: int) -> Baskets:
    shape = (int(user_rows.max(initial=-1)) + 1, n_items)
    seen = sparse.csr_matrix((np.ones(len(user_rows), dtype=np.int8), (user_rows, item_rows)), shape=shape)
    return Baskets(0, seen.indptr.astype(np.int64), seen.indices.astype(np.int32, copy=False))


def check_interactions(users: ArrayLike, items: ArrayLike, n_items: int) -> None:
    """Check users [I] and item rows [I].

    Raises:
        ValueError: if they differ in number or a row is outside 0 … N−1.
    """
    if np.shape(users) != np.shape(items):
        raise ValueError(f"There are {np.size(users)} users for {np.size(items)} items: pass one user per item.")
    rows = np.asarray(items)
    if rows.size and not (rows.min() >= 0 and rows.max() < n_items):
        raise ValueError(
            f"Item rows run from {rows.min()} to {rows.max()}, outside 0 … {n_items - 1}: "
            "pass padding-free rows (internal id − 1)."
        )
