"""Item pairs, whatever they are mined from, and what their miners share.

Letters: I interactions, N items, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from recbole_adasid.data.ordering import lexsort

BLOCK_PRODUCTS = 8_000_000
"""How many products of a sparse multiplication one block may hold: about 12 bytes each."""


@dataclass(frozen=True)
class ItemPairs:
    """P directed item pairs: the rows (padding-free numbers) of trigger and target, and a weight."""

    trigger: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        """Return P."""
        return len(self.trigger)


def check_interactions(users: ArrayLike, items: ArrayLike, n_items: int) -> None:
    """Check users [I] and item rows [I].

    Raises:
        ValueError: if they differ in number or a row lies outside 0 … N−1.
    """
    if np.shape(users) != np.shape(items):
        raise ValueError(f"There are {np.size(users)} users for {np.size(items)} items: pass one user an item.")
    rows = np.asarray(items)
    if rows.size and not (rows.min() >= 0 and rows.max() < n_items):
        raise ValueError(
            f"Item rows run from {rows.min()} to {rows.max()}, outside 0 … {n_items - 1}: "
            "pass padding-free rows (internal id − 1)."
        )


def best_targets(first: NDArray, second: NDArray, weight: NDArray, top_k: int | None) -> ItemPairs:
    """List both directions of undirected pairs, each given once, as :func:`sorted_pairs` does."""
    trigger, target = np.concatenate([first, second]), np.concatenate([second, first])
    return sorted_pairs(trigger, target, np.concatenate([weight, weight]), top_k)


def sorted_pairs(trigger: NDArray, target: NDArray, weight: NDArray, top_k: int | None) -> ItemPairs:
    """Order directed pairs by trigger, weight (greatest first) and target, and keep each trigger's `top_k` first."""
    trigger, target = trigger.astype(np.int64), target.astype(np.int64)
    # Compared as float32: sums equal on paper may differ in the last bit of float64, and ties go by row.
    weight = weight.astype(np.float32)
    order = lexsort((target, -weight, trigger))
    trigger, target, weight = trigger[order], target[order], weight[order]
    if top_k is not None:
        best = _places_in_runs(trigger) < top_k
        trigger, target, weight = trigger[best], target[best], weight[best]
    return ItemPairs(trigger=trigger, target=target, weight=weight)


def rank_in_group(group: NDArray, key: NDArray) -> NDArray[np.int64]:
    """Return each entry's place, from 0, among the entries of its group ordered by `key` (stable)."""
    order = lexsort((key, group))
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = _places_in_runs(group[order])
    return rank


def _places_in_runs(values: NDArray) -> NDArray[np.int64]:
    """Return each entry's place, from 0, in its run of equal neighbours."""
    begins = np.r_[True, values[1:] != values[:-1]][: len(values)]
    position = np.arange(len(values))
    return position - np.maximum.accumulate(np.where(begins, position, 0))


def blocks(work: NDArray[np.int64]) -> Iterator[slice]:
    """Cut rows into consecutive slices of about as much `work` as memory takes; one row is never cut."""
    block = np.cumsum(work) // BLOCK_PRODUCTS
    edges = np.r_[0, np.flatnonzero(np.diff(block)) + 1, len(work)]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist()):
        if stop > start:
            yield slice(start, stop)


class RunningSum:
    """Sum of sparse matrices that are added one by one: an entry is copied log(how many) times, not each time."""

    def __init__(self, parts: list[sparse.csr_matrix]) -> None:
        self.parts = list(parts)  # from the largest to the smallest

    def add(self, part: sparse.csr_matrix) -> None:
        """Take in one more matrix [N, N]."""
        while self.parts and self.parts[-1].nnz <= 2 * part.nnz:
            part = self.parts.pop() + part
        self.parts.append(part)

    def value(self, n_items: int) -> sparse.csr_matrix:
        """Return the sum [N, N] of all."""
        return sum(self.parts[::-1], start=sparse.csr_matrix((n_items, n_items), dtype=np.float64))
