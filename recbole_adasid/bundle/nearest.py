"""Nearest items of a Semantic ID: by shared prefix, then by codeword distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
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


def nearest_rows(
    tree: PrefixTree,
    codes: NDArray[np.int64],
    query: NDArray[np.int64],
    k: int,
    *,
    embed: Embed | None,
    without: int | None,
) -> list[tuple[int, int, float | None]]:
    """Return the rows of up to ``k`` items by the length of the common prefix, then distance, then row.

    Each comes with that length and its distance, None without ``embed``.

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
    found: list[tuple[int, int, float | None]] = []
    for depth, ring in _rings(tree, query):
        others = ring if without is None else ring[ring != without]
        distances = (
            np.zeros(len(others), dtype=np.float32) if embed is None else _distances(codes, others, query, embed)
        )
        chosen = np.lexsort((others, distances))[: k - len(found)]
        told = [None] * len(chosen) if embed is None else distances[chosen].tolist()
        found += zip(others[chosen].tolist(), repeat(depth), told)
        if len(found) == k:
            break
    return found


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
