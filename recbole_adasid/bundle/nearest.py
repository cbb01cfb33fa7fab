"""Nearest items of a Semantic ID: by shared prefix, then by codeword distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree

ROWS_AT_ONCE = 65_536
"""Number of quantised embeddings in memory at once."""
Embed = Callable[[Tensor], Tensor]
"""Codes int64 [M, L] → quantised embeddings [M, D]."""


class Neighbour(NamedTuple):
    """An item close to a Semantic ID."""

    item: str
    shared_levels: int
    """Number of leading codes in common."""
    distance: float | None
    """Euclidean, between the quantised embeddings; None without a tokenizer."""


class NearestRows(NamedTuple):
    """Rows of items, nearest first; [k] each."""

    rows: NDArray[np.int64]
    shared_levels: NDArray[np.int64]
    distances: NDArray[np.float32] | None


def nearest_rows(
    tree: PrefixTree,
    codes: NDArray[np.int64],
    query: NDArray[np.int64],
    k: int,
    *,
    embed: Embed | None,
    without: int | None,
) -> NearestRows:
    """Return up to ``k`` items by the length of the common prefix, then distance, then row.

    Only reads the items needed: those that share the longest prefix, then those that share one code less, and so on
    until there are ``k``. In the tree's order each such ring is two neighbouring ranges.

    Args:
        tree: of sequences that begin with ``codes``.
        codes: [N, L].
        query: [L].
        k: number of items.
        embed: returns the quantised embeddings; None: order within a ring is by row.
        without: a row to leave out, the query's own.
    """
    found: list[tuple[NDArray[np.int64], int, NDArray[np.float32]]] = []
    missing = k
    for depth, ring in _rings(tree, query):
        others = ring if without is None else ring[ring != without]
        distances = (
            np.zeros(len(others), dtype=np.float32) if embed is None else _distances(codes, others, query, embed)
        )
        chosen = np.lexsort((others, distances))[:missing]
        found.append((others[chosen], depth, distances[chosen]))
        missing -= len(chosen)
        if missing == 0:
            break
    return NearestRows(
        rows=np.concatenate([rows for rows, _, _ in found]),
        shared_levels=np.repeat([depth for _, depth, _ in found], [len(rows) for rows, _, _ in found]),
        distances=None if embed is None else np.concatenate([distances for _, _, distances in found]),
    )


def _rings(tree: PrefixTree, query: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the number of shared codes, most first, and the rows that share exactly that many, if any."""
    items = tree.leaf_items.numpy()
    padded = torch.from_numpy(np.pad(query, (0, len(tree.level_sizes) - len(query))))
    nodes = [torch.tensor(0), *tree.path(padded)[: len(query)]]
    begins = ends = None  # of the rows that share more
    for depth in reversed(range(len(nodes))):
        if nodes[depth] < 0:
            continue
        first, last = (int(bound) for bound in tree.item_range(depth, nodes[depth]))
        ring = items[first:last] if begins is None else np.concatenate([items[first:begins], items[ends:last]])
        begins, ends = first, last
        if len(ring):
            yield depth, ring - 1


def _distances(
    codes: NDArray[np.int64], rows: NDArray[np.int64], query: NDArray[np.int64], embed: Embed
) -> NDArray[np.float32]:
    centre = embed(torch.tensor(query[None]))
    found = [np.empty(0, dtype=np.float32)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = torch.from_numpy(codes[rows[start : start + ROWS_AT_ONCE]])
        found.append((embed(part) - centre).norm(dim=1).numpy())
    return np.concatenate(found)
