"""Swing: which items are bought together, counting pairs of users who agree on both (arXiv 2010.05525).

Letters: I interactions, U users, N items, P pairs, C user pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from tqdm import tqdm

from recbole_adasid.data.pairs import ItemPairs, RunningSum, best_targets, blocks, check_interactions, rank_in_group

# Users on a side of a tile of the users × users product.
_TILE_USERS = 32_768


class MiningState(Protocol):
    """Where Swing keeps what it has so far."""

    def restore(self) -> tuple[int, list[sparse.csr_matrix]]:
        """Return how many tiles are done and the partial sums [N, N] over them: 0 and none at first."""

    def note(self, done: int, parts: list[sparse.csr_matrix]) -> None:
        """Take in that so many tiles are done, with these partial sums."""


def swing_pairs(
    users: ArrayLike,
    items: ArrayLike,
    n_items: int,
    *,
    alpha: float = 1.0,
    user_weight_power: float = 0.5,
    top_k: int | None = 50,
    max_user_items: int | None = 1000,
    max_item_users: int | None = 1000,
    keep: MiningState | None = None,
    progress: bool = False,
) -> ItemPairs:
    """Score item pairs by s(i,j) = Σ_{u<v ∈ U_i∩U_j} w_u·w_v / (α + |I_u ∩ I_v|) with w_u = |I_u|^−power.

    Pass *training* interactions only: what is held out for validation or test must not be in `users` [I]
    and `items` [I, rows 0 … N−1], or the pairs leak it. Repeated interactions count once. Both directions
    of a pair are listed, ordered by trigger, then weight (greatest first), then target.

    The three limits bound the work on big data and are ours, not the paper's: a user keeps the last
    `max_user_items` items in the order given, an item the `max_item_users` users of fewest items, and a
    trigger the `top_k` best targets (ties: the smaller row). None switches a limit off.

    `keep` lets a later call with the same arguments go on where this one was killed; the result is the same to the bit.

    Raises:
        ValueError: for a value outside its range or an item row outside 0 … N−1.
    """
    _check(users, items, n_items, alpha, {"top_k": top_k, "user": max_user_items, "item": max_item_users})
    seen = _incidence(np.asarray(users), np.asarray(items, dtype=np.int64), n_items, max_user_items, max_item_users)
    degree = np.diff(seen.indptr)
    user_weight = degree.astype(np.float64) ** -user_weight_power
    tiles = _Tiles(seen)
    done, parts = keep.restore() if keep else (0, [])
    total = RunningSum(parts)
    for number in tqdm(range(done, len(tiles)), "Swing", len(tiles), unit="tile", initial=done, disable=not progress):
        for first, second in tiles.user_pairs(number):
            common = seen[first].multiply(seen[second]).tocsr()
            pair_weight = user_weight[first] * user_weight[second] / (alpha + np.diff(common.indptr))
            for rows in blocks(np.diff(common.indptr).astype(np.int64) ** 2):
                part = common[rows]
                weighted = sparse.diags(pair_weight[rows]) @ part
                total.add(sparse.triu(part.T.tocsr() @ weighted, k=1, format="csr"))
        if keep:
            keep.note(number + 1, total.parts)
    upper = total.value(n_items).tocoo()
    return best_targets(upper.row, upper.col, upper.data, top_k)


def _check(users: ArrayLike, items: ArrayLike, n_items: int, alpha: float, limits: dict[str, int | None]) -> None:
    if not alpha > 0:
        raise ValueError(f"swing alpha is {alpha}: pass a number above 0.")
    names = {"top_k": "top_k", "user": "max_user_items", "item": "max_item_users"}
    for key, limit in limits.items():
        if limit is not None and limit < 1:
            raise ValueError(f"swing {names[key]} is {limit}: pass 1 or more, or null for no limit.")
    check_interactions(users, items, n_items)


def _incidence(
    users: NDArray, items: NDArray, n_items: int, max_user_items: int | None, max_item_users: int | None
) -> sparse.csr_matrix:
    """Return the users × items matrix of ones [U, N], without repetitions and what is over a limit."""
    user_rows = pd.factorize(users)[0].astype(np.int64)
    # The last occurrence of a repeated interaction is the one that stays.
    kept = ~pd.Series(user_rows * n_items + items).duplicated(keep="last").to_numpy()
    user_rows, item_rows = user_rows[kept], items[kept]
    if max_user_items is not None:
        recent = _first_of_groups(user_rows, -np.arange(len(user_rows)), max_user_items)
        user_rows, item_rows = user_rows[recent], item_rows[recent]
    if max_item_users is not None:
        busy = np.bincount(user_rows)[user_rows]
        focused = _first_of_groups(item_rows, busy, max_item_users)
        user_rows, item_rows = user_rows[focused], item_rows[focused]
    user_rows = pd.factorize(user_rows)[0]
    shape = (int(user_rows.max(initial=-1)) + 1, n_items)
    ones = np.ones(len(user_rows), dtype=np.float64)
    return sparse.csr_matrix((ones, (user_rows, item_rows)), shape=shape)


def _first_of_groups(group: NDArray, key: NDArray, limit: int) -> NDArray[np.bool_]:
    """Mark the `limit` entries of smallest `key` in each group (stable); only groups over the limit are sorted."""
    marked = np.ones(len(group), dtype=bool)
    crowded = np.flatnonzero(np.bincount(group)[group] > limit)
    marked[crowded] = rank_in_group(group[crowded], key[crowded]) < limit
    return marked


class _Tiles:
    """The tiles that cover the upper triangle of seen · seenᵀ, in which users meet.

    Tiles below the diagonal would hold each pair once more. A sparse product keeps one row of counts, as wide as its
    result, at hand: that of a tile stays in the cache, that of all users does not.
    """

    def __init__(self, seen: sparse.csr_matrix) -> None:
        self.size = np.diff(seen.indptr)
        self.counts = seen.astype(np.int32)
        self.starts = range(0, seen.shape[0], _TILE_USERS)
        self.columns = [self.counts[start : start + _TILE_USERS].T.tocsr() for start in self.starts]
        self.places = [(row, column) for row in range(len(self.starts)) for column in range(row, len(self.starts))]

    def __len__(self) -> int:
        return len(self.places)

    def user_pairs(self, number: int) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield a tile's user pairs u < v with at least two common items, a block at a time: two arrays [C]."""
        row, column = (self.starts[place] for place in self.places[number])
        for shared, offset in self._common_items(number):
            useful = np.flatnonzero(shared.data >= 2)
            first, second = shared.row[useful] + row + offset, shared.col[useful] + column
            upper = first < second
            first, second = first[upper], second[upper]
            for part in blocks((self.size[first] + self.size[second]).astype(np.int64)):
                yield first[part], second[part]

    def _common_items(self, number: int) -> Iterator[tuple[sparse.coo_matrix, int]]:
        """Yield a tile in pieces of rows, each with the place of its first row."""
        row, column = self.places[number]
        ours, tile = self.counts[self.starts[row] : self.starts[row] + _TILE_USERS], self.columns[column]
        for rows in blocks((ours @ np.diff(tile.indptr)).astype(np.int64)):
            yield (ours[rows] @ tile).tocoo(), rows.start
