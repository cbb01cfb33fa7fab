"""The tree of all prefixes of a catalogue's SIDs, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_LARGEST_KEY = 2**63 - 1


class PrefixTree(nn.Module):
    """Which codes may follow a prefix, and which items have a complete SID.

    A node of depth l is a distinct prefix of l codes; nodes of one depth are numbered in lexicographic order, so the
    children of a node are neighbours (compressed sparse rows). Memory is O(items · levels): no table over nodes and
    codes, so millions of items fit. Arrays are kept in int32 where their values allow it; methods return int64.

    Args:
        tokens: int64 [N, S], the SID of each item.
        level_sizes: codewords of each level.
        items: int64 [N], ascending ids of the items; by default, row r belongs to item r + 1.
    """

    def __init__(self, tokens: Tensor, level_sizes: list[int], items: Tensor | None = None) -> None:
        super().__init__()
        self.level_sizes = level_sizes
        self._leaf_counts: dict[int, Tensor] = {}
        self.fan_outs: list[int] = []  # maximum number of children of a node, by depth
        self.n_nodes = [1]
        order = lexicographic_order(tokens, level_sizes)
        ordered = tokens[order]
        begins = torch.zeros(len(order), dtype=torch.bool, device=tokens.device)  # true at an item with a new prefix
        begins[:1] = True
        node = torch.zeros_like(order)
        bounds = order.new_tensor([0, len(order)])  # where the items of each node begin, and the end of the last
        for level, size in enumerate(level_sizes):
            codes = ordered[:, level]
            begins[1:] |= codes[1:] != codes[:-1]
            starts = begins.nonzero().squeeze(1)
            first = torch.searchsorted(starts, bounds)
            self.fan_outs.append(int(first.diff().max()))
            self.n_nodes.append(len(starts))
            keys = node[starts] * size + codes[starts]
            self._keep(f"keys_{level}", keys)  # parent · K + code, ascending
            self._keep(f"first_child_{level}", first)
            node, bounds = begins.cumsum(0) - 1, torch.cat([starts, bounds[-1:]])
        self._keep("leaf_items", order + 1 if items is None else items[order])
        self._keep("first_item", bounds)

    leaf_items: Tensor
    first_item: Tensor

    @property
    def n_items(self) -> int:
        """Number of items in the tree."""
        return len(self.leaf_items)

    def expand(self, level: int, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the children of ``nodes`` [...] of depth ``level``.

        Returns:
            Child nodes, their codes, and whether there is such a child; each [..., M], M the largest number of
            children at this depth. If there is none, child and code are those of another node.
        """
        keys, first = self._level(level)
        slot = first[nodes][..., None] + torch.arange(self.fan_outs[level], device=nodes.device)
        exists = slot < first[nodes + 1][..., None]
        child = slot.clamp_(max=keys.numel() - 1)  # in place: with many children this dominates a batch's memory
        return child, keys[child].long().remainder_(self.level_sizes[level]), exists

    def parents(self, level: int, nodes: Tensor) -> Tensor:
        """Return the parents (of depth ``level`` − 1) of ``nodes`` [...] of depth ``level`` ≥ 1."""
        return self._level(level - 1)[0][nodes].long() // self.level_sizes[level - 1]

    def codes(self, level: int, nodes: Tensor) -> Tensor:
        """Return the last code of ``nodes`` [...] of depth ``level`` ≥ 1."""
        return self._level(level - 1)[0][nodes].long() % self.level_sizes[level - 1]

    def find(self, tokens: Tensor) -> Tensor:
        """Return the leaf of each SID ``tokens`` [..., S], −1 where the catalogue has no such SID."""
        return self.path(tokens)[-1]

    def path(self, tokens: Tensor) -> list[Tensor]:
        """Return the nodes [...] of depth 1 … l on the way to each prefix ``tokens`` [..., l], −1 if there is none."""
        node = torch.zeros(tokens.shape[:-1], dtype=torch.int64, device=tokens.device)
        known = torch.ones_like(node, dtype=torch.bool)
        nodes = []
        for level in range(tokens.shape[-1]):
            node = self.child(level, node, tokens[..., level])
            known = known & (node >= 0)
            nodes.append(torch.where(known, node, -1))
        return nodes

    def child(self, level: int, nodes: Tensor, codes: Tensor) -> Tensor:
        """Return the children of ``nodes`` [...] of depth ``level`` by ``codes`` [...], −1 where there is none."""
        keys, size = self._level(level)[0], self.level_sizes[level]
        key = (nodes * size + codes).to(keys.dtype)  # values that do not fit are not codes of this level
        place = torch.searchsorted(keys, key).clamp(max=keys.numel() - 1)
        return torch.where((keys[place] == key) & (codes >= 0) & (codes < size), place, -1)

    def n_leaves(self, level: int, nodes: Tensor) -> Tensor:
        """Return the number of complete SIDs below ``nodes`` [...] of depth ``level``."""
        known = self._leaf_counts.get(level)
        if known is None or known.device != nodes.device:
            first, last = self._leaves(level, torch.arange(self.n_nodes[level], device=nodes.device))
            known = self._leaf_counts[level] = (last - first).int()
        return known[nodes].long()

    def item_range(self, level: int, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Return where in ``leaf_items`` the items below ``nodes`` [...] of depth ``level`` begin and end."""
        first, last = self._leaves(level, nodes)
        return self.first_item[first].long(), self.first_item[last].long()

    def items(self, leaf: int) -> Tensor:
        """Return the ids of the items of one leaf, ascending."""
        return self.leaf_items[self.first_item[leaf] : self.first_item[leaf + 1]].long()

    def _leaves(self, level: int, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first leaf below ``nodes`` [...] of depth ``level``, and the one after the last."""
        first, last = nodes, nodes + 1
        for depth in range(level, len(self.level_sizes)):
            children = self._level(depth)[1]
            first, last = children[first].long(), children[last].long()
        return first, last

    def _keep(self, name: str, values: Tensor) -> None:
        fits = not len(values) or int(values.max()) <= torch.iinfo(torch.int32).max
        self.register_buffer(name, values.int() if fits else values, persistent=False)

    def _level(self, level: int) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"keys_{level}"), self.get_buffer(f"first_child_{level}")


def lexicographic_order(tokens: Tensor, level_sizes: Sequence[int]) -> Tensor:
    """Return int64 [N], the rows of ``tokens`` [N, S] in lexicographic order (stable)."""
    key, span = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.device), 1
    for level, size in enumerate(level_sizes):
        if span * size > _LARGEST_KEY:
            key, span = torch.unique(key, return_inverse=True)[1], max(1, len(tokens))
        key, span = key * size + tokens[:, level], span * size
    return key.argsort(stable=True)
