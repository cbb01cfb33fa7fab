"""Item pairs from any source, and what the miners share.

Letters: N items, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recbole_adasid.data.ordering import lexsort, places_in_runs

BLOCK_PRODUCTS = 8_000_000
"""Maximum products of a sparse multiplication per block: about 12 bytes each."""


@dataclass(frozen=True)
class ItemPairs:
    """P directed item pairs: rows (padding-free numbers) of trigger and target, and a weight."""

    trigger: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        """Return P."""
        return len(self.trigger)


def best_targets(first: NDArray, second: NDArray, weight: NDArray, top_k: int | None) -> ItemPairs:
    """List undirected pairs, each given once, in both directions, as :func:`sorted_pairs` does."""
    trigger, target = np.concatenate([first, second]), np.concatenate([second, first])
    return sorted_pairs(trigger, target, np.concatenate([weight, weight]), top_k)


def sorted_pairs(trigger: NDArray, target: NDArray, weight: NDArray, top_k: int | None) -> ItemPairs:
    """Sort directed pairs by trigger, weight (descending) and target, and keep each trigger's first `top_k`."""
    trigger, target = trigger.astype(np.int64), target.astype(np.int64)
    # Compared as float32: sums equal on paper may differ in the last bit of float64, and ties are broken by row.
    weight = weight.astype(np.float32)
    order = lexsort((target, -weight, trigger))
    trigger, target, weight = trigger[order], target[order], weight[order]
    if top_k is not None:
        best = places_in_runs(trigger) < top_k
        trigger, target, weight = trigger[best], target[best], weight[best]
    return ItemPairs(trigger=trigger, target=target, weight=weight)


def blocks(work: NDArray[np.int64]) -> Iterator[slice]:
    """Cut rows into consecutive slices of about as much `work` as fits in memory; a row is never cut."""
    block = np.cumsum(work) // BLOCK_PRODUCTS
    edges = np.r_[0, np.flatnonzero(np.diff(block)) + 1, len(work)]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist()):
        if stop > start:
            yield slice(start, stop)


class RunningSum:
    """Sum of sparse matrices added one by one: an entry is copied O(log(number of matrices)) times, not each time."""

    def __init__(self, parts: list[sparse.csr_matrix]) -> None:
        self.parts = list(parts)  # largest to smallest

    def add(self, part: sparse.csr_matrix) -> None:
        """Add one more matrix [N, N]."""
        while self.parts and self.parts[-1].nnz <= 2 * part.nnz:
            part = self.parts.pop() + part
        self.parts.append(part)

    def value(self, n_items: int) -> sparse.csr_matrix:
        """Return the total [N, N], of the type of the matrices."""
        kind = self.parts[0].dtype if self.parts else np.float64  # integers stay exact
        return sum(self.parts[::-1], start=sparse.csr_matrix((n_items, n_items), dtype=kind))
