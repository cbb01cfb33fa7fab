"""Co-occurrence: which items appear together in users' histories.

Letters: I interactions, U users, N items, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from recbole_adasid.data.baskets import check_interactions
from recbole_adasid.data.ordering import stable_order
from recbole_adasid.pairs.item_pairs import ItemPairs, RunningSum, best_targets, blocks
from recbole_adasid.settings.errors import check_name

WEIGHTS = ("cosine", "count")


def cooccurrence_pairs(
    users: ArrayLike,
    items: ArrayLike,
    n_items: int,
    *,
    window: int | None = None,
    weighting: str = "cosine",
    top_k: int = 50,
    max_user_items: int | None = 1000,
) -> ItemPairs:
    """Weight item pairs by how many users have both: c(i,j), or c(i,j) / √(n_i n_j) with n_i users of item i.

    Pass *training* interactions only, each user's in chronological order. Both directions of a pair are listed, ordered
    by trigger, then weight (descending), then target.

    Args:
        users: [I].
        items: item rows 0 … N−1, [I].
        n_items: N.
        window: maximum distance of both items in a user's history; None: anywhere in it.
        weighting: ``cosine`` or ``count``.
        top_k: targets kept per trigger (ties: the smaller row).
        max_user_items: use only a user's last interactions, this many; None: all.

    Raises:
        ValueError: for an unknown weighting or an item row outside 0 … N−1.
    """
    check_name("pair_weight", weighting, WEIGHTS)
    upper, n_users = cooccurrence_counts(users, items, n_items, window=window, max_user_items=max_user_items)
    weight = upper.data
    if weighting == "cosine":
        weight = weight / np.sqrt(n_users[upper.row] * n_users[upper.col])
    return best_targets(upper.row, upper.col, weight, top_k)


def cooccurrence_counts(
    users: ArrayLike, items: ArrayLike, n_items: int, *, window: int | None, max_user_items: int | None
) -> tuple[sparse.coo_matrix, NDArray[np.float64]]:
    """Return c(i,j) of item rows i < j as [N, N] and n_i [N]; see :func:`cooccurrence_pairs`.

    Raises:
        ValueError: if users and items differ in number or an item row is outside 0 … N−1.
    """
    check_interactions(users, items, n_items)
    user_rows, item_rows = _histories(np.asarray(users), np.asarray(items, dtype=np.int64), max_user_items)
    seen = _incidence(user_rows, item_rows, n_items)
    total = RunningSum([])
    parts = _of_whole_histories(seen) if window is None else _within(window, user_rows, item_rows, n_items)
    for part in parts:
        total.add(part)
    return total.value(n_items).tocoo(), np.asarray(seen.sum(axis=0)).ravel()


def _histories(users: NDArray, items: NDArray, longest: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return user rows 0 … U−1 and item rows, grouped by user, each with the last `longest` interactions."""
    user_rows = pd.factorize(users)[0].astype(np.int64)
    order = stable_order(user_rows)
    user_rows, item_rows = user_rows[order], items[order]
    if longest is not None:
        ends = np.cumsum(np.bincount(user_rows))
        recent = ends[user_rows] - np.arange(len(user_rows)) <= longest
        user_rows, item_rows = user_rows[recent], item_rows[recent]
    return user_rows, item_rows


def _incidence(user_rows: NDArray, item_rows: NDArray, n_items: int) -> sparse.csr_matrix:
    """Return the users × items matrix of ones [U, N], without repeats."""
    shape = (int(user_rows.max(initial=-1)) + 1, n_items)
    seen = sparse.csr_matrix((np.ones(len(user_rows)), (user_rows, item_rows)), shape=shape)
    seen.data[:] = 1.0
    return seen


def _of_whole_histories(seen: sparse.csr_matrix) -> Iterator[sparse.csr_matrix]:
    """Yield the counts of one block of users after another, upper triangles [N, N]."""
    for rows in blocks(np.diff(seen.indptr).astype(np.int64) ** 2):
        part = seen[rows]
        yield sparse.triu(part.T.tocsr() @ part, k=1, format="csr")


def _within(window: int, user_rows: NDArray, item_rows: NDArray, n_items: int) -> Iterator[sparse.csr_matrix]:
    """Yield the counts of one block of users after another, of items at most `window` places apart."""
    size = np.bincount(user_rows)
    begins = np.r_[0, np.cumsum(size)]
    for rows in blocks(size.astype(np.int64) * np.minimum(window, size)):
        block = slice(begins[rows.start], begins[rows.stop])
        met = _meetings(user_rows[block], item_rows[block], min(window, int(size[rows].max()) - 1))
        shape = (n_items, n_items)
        yield sparse.csr_matrix((np.ones(len(met)), (met["first"], met["second"])), shape=shape)


def _meetings(user_rows: NDArray, item_rows: NDArray, window: int) -> pd.DataFrame:
    """Return each user's item pairs within the window, each once per user, smaller row first."""
    parts = [np.zeros((3, 0), dtype=np.int64)]
    for distance in range(1, window + 1):
        one, other = item_rows[:-distance], item_rows[distance:]
        met = (user_rows[:-distance] == user_rows[distance:]) & (one != other)
        parts.append(np.stack([user_rows[:-distance], np.minimum(one, other), np.maximum(one, other)])[:, met])
    user, first, second = np.concatenate(parts, axis=1)
    return pd.DataFrame({"user": user, "first": first, "second": second}).drop_duplicates()
