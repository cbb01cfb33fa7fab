"""The prefix tree to explore: first codes, second codes, and the items below, cut to a size.

In the result, which is meant for JSON, a node is a mapping of `c` (code), `n` (items), `k` and `s` (typical category,
as a place in `names`, and the percentage of the items that have it), `e` (titles of examples), `b` (nodes below),
`i` (items: title and Semantic ID), `h` (nodes and items below that are left out). `names` has each category with its
percentage among all items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.item_categories import Categories
from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.text import cut, json_bytes, sid_text

BUDGET = 2_000_000
"""Bytes of JSON."""
EXAMPLES = 3
Node = dict[str, Any]


@dataclass(frozen=True)
class Caps:
    """Limits on what is listed: first codes, nodes below each, items below each node of the last depth."""

    first: int
    second: int
    items: int


LADDER = tuple(
    Caps(first=max(64, 16 * width), second=4 * width, items=width)
    for width in (10**9, 1024, 512, 256, 128, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
)
"""From everything to next to nothing; the first that fits is taken."""
_NODE_BYTES, _ITEM_BYTES = 60, 20
"""Approximate size of a node as JSON, and of an item without its title."""


def prefix_tree(
    codes: NDArray[np.int64], titles: Sequence[str], categories: Categories, *, budget: int = BUDGET
) -> dict[str, Any]:
    """Return the tree of the first two levels and the items below, in plain values of at most ``budget`` bytes.

    In addition to ``nodes`` and ``names``, it has the numbers of ``items``, of those ``listed``, and of first
    ``codes``. The largest nodes come first and are cut last.

    Args:
        codes: [N, L].
        titles: of the N items.
        categories: of the N items.
        budget: bytes of the tree as JSON.
    """
    tree = _Tree(codes, titles, categories)
    title_bytes = float(np.mean([len(title.encode("utf-8", "replace")) for title in titles]))
    for caps in LADDER:
        n_nodes, n_items = tree.listed(caps)
        if n_nodes * _NODE_BYTES + n_items * (_ITEM_BYTES + title_bytes) > 1.2 * budget:
            continue  # clearly too large
        nodes = tree.nodes(caps)
        names = [[cut(categories.names[at]), round(100 * float(categories.shares[at]))] for at in _numbered(nodes)]
        n_first = len(tree.depths[0].sizes)
        found = {"items": len(codes), "listed": n_items, "codes": n_first, "names": names, "nodes": nodes}
        if json_bytes(found) <= budget:
            return found
    raise LeftOut(f"not even a few items fit into {budget:,} bytes")


class _Tree:
    """Items in the order of their Semantic IDs, and where the nodes of depth 1 and 2 begin."""

    def __init__(self, codes: NDArray[np.int64], titles: Sequence[str], categories: Categories) -> None:
        self.codes, self.titles = codes, titles
        self.order = np.lexsort(codes.T[::-1])
        self.depths = [_Depth(codes[self.order], length, self.order, categories) for length in (1, 2)]
        if codes.shape[1] == 1:
            self.depths = self.depths[:1]

    def listed(self, caps: Caps) -> tuple[int, int]:
        """Return how many nodes and how many items are listed with these caps."""
        first, last = self.depths[0], self.depths[-1]
        kept = np.minimum(last.sizes, caps.items)
        if len(self.depths) == 1:
            chosen = first.places < caps.first
            return int(chosen.sum()), int(kept[chosen].sum())
        parent = np.searchsorted(first.starts, last.starts[:-1], side="right") - 1
        chosen = (first.places[parent] < caps.first) & (last.places < caps.second)
        return min(len(first.sizes), caps.first) + int(chosen.sum()), int(kept[chosen].sum())

    def nodes(self, caps: Caps) -> list[Node]:
        """Return the nodes of depth 1 with their subtrees."""
        return [self._node(int(at), caps) for at in self.depths[0].largest(0, len(self.depths[0].sizes), caps.first)]

    def _node(self, at: int, caps: Caps) -> Node:
        node = self.depths[0].node(at)
        if len(self.depths) == 1:
            return self._with_items(node, self.depths[0], at, caps)
        second = self.depths[1]
        begin, end = self.depths[0].starts[at], self.depths[0].starts[at + 1]
        bounds = np.searchsorted(second.starts, [begin, end]).tolist()
        chosen = second.largest(bounds[0], bounds[1], caps.second)
        node["e"] = [self.titles[self.order[second.starts[child]]] for child in chosen[:EXAMPLES]]
        node["b"] = [self._with_items(second.node(int(child)), second, int(child), caps) for child in chosen]
        hidden = bounds[1] - bounds[0] - len(chosen)
        return {**node, "h": [hidden, int(node["n"] - second.sizes[chosen].sum())]} if hidden else node

    def _with_items(self, node: Node, depth: _Depth, at: int, caps: Caps) -> Node:
        rows = self.order[depth.starts[at] : depth.starts[at + 1]]
        node["i"] = [[self.titles[row], sid_text(self.codes[row].tolist())] for row in rows[: caps.items].tolist()]
        return {**node, "h": [0, len(rows) - caps.items]} if len(rows) > caps.items else node


class _Depth:
    """The distinct prefixes of one length, in the order of codes."""

    def __init__(
        self, ordered: NDArray[np.int64], length: int, order: NDArray[np.int64], categories: Categories
    ) -> None:
        prefixes = ordered[:, :length]
        begins = np.r_[True, (prefixes[1:] != prefixes[:-1]).any(axis=1)]
        begun = np.flatnonzero(begins)
        self.starts = np.r_[begun, len(ordered)]
        self.sizes = np.diff(self.starts)
        self.codes = prefixes[begun, -1]
        self.places = _places(prefixes[begun, :-1], self.sizes)
        """Each node's place among its siblings, the largest first."""
        group = np.empty(len(ordered), dtype=np.int64)
        group[order] = np.cumsum(begins) - 1
        self.typical, self.share = categories.typical(group, len(begun))

    def largest(self, begin: int, end: int, count: int) -> NDArray[np.int64]:
        """Return the largest ``count`` nodes from ``begin`` to before ``end``; ties go to the first."""
        inside = np.arange(begin, end)
        return inside[np.argsort(self.places[begin:end], kind="stable")][:count]

    def node(self, at: int) -> Node:
        """Return a node without its subtree."""
        node = {"c": int(self.codes[at]), "n": int(self.sizes[at])}
        if self.typical[at] >= 0:
            node |= {"k": int(self.typical[at]), "s": round(100 * float(self.share[at]))}
        return node


def _places(parents: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each node's place, from 0, among adjacent nodes with equal parents [M, l], largest first."""
    begins = np.r_[True, (parents[1:] != parents[:-1]).any(axis=1)]
    starts = np.flatnonzero(begins)
    parent = np.cumsum(begins) - 1
    places = np.empty(len(sizes), dtype=np.int64)
    places[np.lexsort((-sizes, parent))] = np.arange(len(sizes)) - starts[parent]
    return places


def _all(nodes: list[Node]) -> list[Node]:
    return [one for node in nodes for one in (node, *node.get("b", ()))]


def _numbered(nodes: list[Node]) -> list[int]:
    """Return the categories of the nodes, and renumber them from 0 in the nodes."""
    used = sorted({node["k"] for node in _all(nodes) if "k" in node})
    place = {old: new for new, old in enumerate(used)}
    for node in _all(nodes):
        if "k" in node:
            node["k"] = place[node["k"]]
    return used
