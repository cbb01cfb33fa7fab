"""Swing: which items are bought together, counting pairs of users who agree on both (arXiv 2010.05525).

Sums are integers, multiples of a power of two: they are equal to the bit in whatever order, and on however many
machines, they are added up.

Letters: I interactions, U users, N items, P pairs, C user pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from tqdm import tqdm

from recbole_adasid.data.baskets import Baskets, Limits, baskets_of
from recbole_adasid.pairs.item_pairs import BLOCK_PRODUCTS, ItemPairs, RunningSum, best_targets, blocks

if TYPE_CHECKING:
    from recbole_adasid.pairs.mining_state import KeptMining
    from recbole_adasid.pairs.swing_on_ray import RayEngine

# Users per side of a tile of the users × users product, and tiles per side beyond which tiles get larger.
_TILE_USERS, _TILES = 32_768, 64
# Tiles are grouped until their users meet about this often: summing matrices costs as much as there are items.
_MEETINGS = 8_000_000
# Bits of the largest sum, fewer than a signed 64-bit integer can hold.
_SUM_BITS = 62


@dataclass(frozen=True)
class Weighing:
    """What a pair of users adds to each pair of items that both have: w_u · w_v / (α + |I_u ∩ I_v|), rounded.

    Raises:
        ValueError: if α is not above 0.
    """

    alpha: float
    by_size: NDArray[np.float64]
    """w_u by the user's number of items, from 0."""
    bits: int
    """Sums are multiples of 2^−bits."""

    @classmethod
    def of(cls, alpha: float, power: float, sizes: NDArray[np.int64], most_users: int) -> Weighing:
        """Return the finest weighting whose sums cannot overflow.

        Args:
            alpha: α.
            power: p in w_u = |I_u|^−p.
            sizes: distinct numbers of items per user.
            most_users: number of users of the most popular item.
        """
        if not alpha > 0:
            raise ValueError(f"swing alpha is {alpha}: pass a number above 0.")
        by_size = np.r_[0.0, np.arange(1, sizes.max(initial=1) + 1, dtype=np.float64) ** -power]
        heaviest = by_size[sizes[sizes >= 2]].max(initial=0.0) ** 2 / (alpha + 2)
        largest_sum = heaviest * most_users * (most_users - 1) / 2
        return cls(alpha, by_size, _SUM_BITS - math.frexp(largest_sum)[1])

    def terms(self, sizes: NDArray, other_sizes: NDArray, n_common: NDArray) -> NDArray[np.int64]:
        """Return the terms of user pairs [C], in multiples of 2^−bits; at least one, so that no pair is lost."""
        weight = self.by_size[sizes] * self.by_size[other_sizes] / (self.alpha + n_common)
        return np.maximum(np.rint(np.ldexp(weight, self.bits)), 1).astype(np.int64)

    def weights(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        """Convert sums to weights."""
        return np.ldexp(sums.astype(np.float64), -self.bits)


Engine = Union["InProcess", "RayEngine"]
"""Where the sums are computed; all engines give the same result."""


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
    engine: Engine | None = None,
) -> ItemPairs:
    """Score item pairs by s(i,j) = Σ_{u<v ∈ U_i∩U_j} w_u·w_v / (α + |I_u ∩ I_v|) with w_u = |I_u|^−power.

    Pass *training* interactions only: held-out validation and test interactions must not be in `users` [I] and
    `items` [I, rows 0 … N−1], or the pairs leak them. Repeated interactions count once. Both directions of a pair are
    listed, ordered by trigger, then weight (descending), then target.

    The limits are those of :class:`Limits`. `engine` chooses where to compute; None: :class:`InProcess`.

    Raises:
        ValueError: for a value outside its range or an item row outside 0 … N−1.
    """
    limits = Limits(top_k, max_user_items, max_item_users)
    baskets = baskets_of(users, items, n_items, limits)
    return pairs_of_baskets(
        baskets, n_items, alpha=alpha, user_weight_power=user_weight_power, top_k=top_k, engine=engine
    )


def pairs_of_baskets(
    baskets: Baskets,
    n_items: int,
    *,
    alpha: float,
    user_weight_power: float,
    top_k: int | None,
    engine: Engine | None = None,
) -> ItemPairs:
    """Like :func:`swing_pairs`, from baskets that are within limits."""
    weighing = Weighing.of(alpha, user_weight_power, np.diff(baskets.starts), baskets.most_users(n_items))
    return (engine or InProcess()).mine(weighing, baskets, n_items, top_k)


class InProcess:
    """Swing in this process.

    Args:
        keep: lets a later call with the same arguments resume after a kill; the result is the same.
        progress: show a bar.
    """

    def __init__(self, keep: KeptMining | None = None, progress: bool = False) -> None:
        self.keep, self.progress = keep, progress

    def mine(self, weighing: Weighing, baskets: Baskets, n_items: int, top_k: int | None) -> ItemPairs:
        """Return the pairs of all users."""
        pair = BasketPair(weighing, baskets, baskets, n_items)
        done, parts = self.keep.restore() if self.keep else (0, [])
        total = RunningSum(parts)
        portions = range(done, len(pair))
        for number in tqdm(portions, "Swing", portions.stop, unit="portion", initial=done, disable=not self.progress):
            for part in pair.sums(number):
                total.add(part)
            if self.keep:
                self.keep.note(number + 1, total.parts)
        first, second, sums = pair.listed(total)
        return best_targets(first, second, weighing.weights(sums), top_k)


class BasketPair:
    """Contributions of user pairs from two sets, each user before the other, to the item pairs, portion by portion.

    A sparse product holds one row of counts as wide as its result: for a tile of the users × users product it stays in
    the processor's cache, for all users it does not. A set paired with itself has the tiles that cover the upper
    triangle; those below the diagonal would repeat each pair. A portion is one tile, or several in which users seldom
    meet.

    Args:
        weighing: of pairs of users.
        ours, theirs: the two sets; the same set twice, or one whose users all precede the other's.
        n_items: N.
    """

    def __init__(self, weighing: Weighing, ours: Baskets, theirs: Baskets, n_items: int) -> None:
        self.weighing, alone = weighing, theirs is ours
        self.first_users = ours.first_user, theirs.first_user
        self.sizes = np.diff(ours.starts), np.diff(theirs.starts)
        self.items = _common_items(ours, theirs, n_items)
        self.ours = _matrix(ours, self.items, n_items)
        self.theirs = self.ours if alone else _matrix(theirs, self.items, n_items)
        self.tile_users = max(_TILE_USERS, -(-max(ours.n_users, theirs.n_users) // _TILES))
        self.rows, self.columns = (range(0, users.n_users, self.tile_users) for users in (ours, theirs))
        self.transposed = [self.theirs[start : start + self.tile_users].T.tocsr() for start in self.columns]
        places = [
            (row, column) for row in range(len(self.rows)) for column in range(row if alone else 0, len(self.columns))
        ]
        buyers = [np.bincount(users.indices, minlength=len(self.items)) for users in (self.ours, self.theirs)]
        share = _MEETINGS / max(1.0, float(buyers[0] @ buyers[1]))
        together = max(1, int(share * len(self.rows) * len(self.columns)))
        self.portions = [places[start : start + together] for start in range(0, len(places), together)]

    def __len__(self) -> int:
        """Return the number of portions."""
        return len(self.portions)

    def sums(self, number: int) -> Iterator[sparse.csr_matrix]:
        """Yield sums over the user pairs of a portion, in parts: upper triangles over the items in `self.items`."""
        for first, second in self._user_pairs(number):
            common = self.ours[first].multiply(self.theirs[second]).tocsr()
            n_common = np.diff(common.indptr)
            terms = self.weighing.terms(self.sizes[0][first], self.sizes[1][second], n_common)
            for rows in blocks(n_common.astype(np.int64) ** 2):
                part = common[rows]
                weighted = part.astype(np.int64)
                weighted.data = np.repeat(terms[rows], n_common[rows])
                yield sparse.triu(part.T.tocsr() @ weighted, k=1, format="csr")

    def listed(self, total: RunningSum) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the item rows i < j and their sums over all parts: three arrays of one length."""
        upper = total.value(len(self.items)).tocoo()
        return self.items[upper.row], self.items[upper.col], upper.data.astype(np.int64, copy=False)

    def _user_pairs(self, number: int) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield a portion's user pairs u < v with at least two common items, in chunks: two arrays [C]."""
        waiting: list[tuple[NDArray, NDArray]] = []
        work = 0
        for tile in self.portions[number]:
            for first, second in self._user_pairs_of_tile(*tile):
                items = (self.sizes[0][first] + self.sizes[1][second]).astype(np.int64)
                for part in blocks(items):
                    waiting.append((first[part], second[part]))
                    work += int(items[part].sum())
                    if 2 * work > BLOCK_PRODUCTS:
                        yield _joined(waiting)
                        waiting, work = [], 0
        if waiting:
            yield _joined(waiting)

    def _user_pairs_of_tile(self, row: int, column: int) -> Iterator[tuple[NDArray, NDArray]]:
        ahead = self.first_users[1] - self.first_users[0]
        for shared, first_row in self._shared(row, column):
            useful = np.flatnonzero(shared.data >= 2)
            first, second = shared.row[useful] + first_row, shared.col[useful] + self.columns[column]
            upper = first < second + ahead
            yield first[upper], second[upper]

    def _shared(self, row: int, column: int) -> Iterator[tuple[sparse.coo_matrix, int]]:
        """Yield the numbers of shared items of the users of a tile, in pieces of rows, each with its first row."""
        ours = self.ours[self.rows[row] : self.rows[row] + self.tile_users]
        tile = self.transposed[column]
        for rows in blocks((ours @ np.diff(tile.indptr)).astype(np.int64)):
            yield (ours[rows] @ tile).tocoo(), self.rows[row] + rows.start


def _joined(parts: list[tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
    return np.concatenate([first for first, _ in parts]), np.concatenate([second for _, second in parts])


def _common_items(ours: Baskets, theirs: Baskets, n_items: int) -> NDArray[np.int64]:
    """Return the items, ascending, that sums can involve: all, or those in both sets if the catalogue is larger."""
    if n_items <= max(len(ours.items), len(theirs.items)):
        return np.arange(n_items)
    common = np.unique(ours.items)
    return (common if theirs is ours else np.intersect1d(common, theirs.items)).astype(np.int64)


def _matrix(baskets: Baskets, items: NDArray[np.int64], n_items: int) -> sparse.csr_matrix:
    """Return users × `items` as a matrix of ones; other items are dropped."""
    columns, starts = baskets.items, baskets.starts
    if len(items) < n_items:
        known = np.isin(columns, items)
        columns, starts = np.searchsorted(items, columns[known]), np.r_[0, np.cumsum(known)][starts]
    return sparse.csr_matrix((np.ones(len(columns), dtype=np.int32), columns, starts), (baskets.n_users, len(items)))
