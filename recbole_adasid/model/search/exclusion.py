"""Items that must not be recommended to a user, excluded during beam search.

Time and memory depend on the total number of excluded items over all users, not on the longest list.
Letters: E pairs of a user and an excluded item, N items of the searched tree.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree


class Excluded(NamedTuple):
    """Pairs of a user and an excluded item, in any order; duplicates are allowed."""

    rows: Tensor
    """int64 [E], row of the user in the batch."""
    items: Tensor
    """int64 [E], item ids; 0 and items outside the searched tree are ignored."""

    @classmethod
    def of_table(cls, items: Tensor) -> Excluded:
        """Return the pairs of a table int64 [B, X] of item ids, 0 for none."""
        rows, columns = items.nonzero(as_tuple=True)
        return cls(rows, items[rows, columns])


class Exclusion:
    """Which prefixes of a tree still lead to an item, and to which items, after each user's exclusions.

    Only items in the tree count, even if others share a prefix or Semantic ID with them.

    Args:
        tree: prefix tree of the items that may be recommended to anyone.
        excluded: pairs of users and items.
    """

    _rows: Tensor  # int64 [B, 1], rows of the users given to :meth:`of`

    def __init__(self, tree: PrefixTree, excluded: Excluded) -> None:
        self._tree, self._size = tree, tree.n_items
        place = _places(tree, excluded.items)
        stands = place >= 0
        # Excluded places of leaf_items: row · N + place, ascending, unique.
        self._taken = torch.unique(excluded.rows[stands] * self._size + place[stands])
        # Number of remaining places, over all rows, before each of them.
        self._left_before = self._taken - torch.arange(len(self._taken), device=self._taken.device)
        self._exhausted = self._exhausted_nodes()

    def of(self, rows: Tensor) -> Exclusion:
        """Return the exclusion for B users, given by their rows int64 [B]; the methods below apply to these users."""
        some = copy.copy(self)
        some._rows = rows[:, None]
        return some

    def leaves_something(self, level: int, child: Tensor) -> Tensor:
        """Tell whether the nodes ``child`` [B, ...] of depth ``level`` + 1 lead to an item that is not excluded."""
        exhausted = self._exhausted[level]
        if not len(exhausted):
            return torch.ones_like(child, dtype=torch.bool)
        node = (self._rows * self._tree.n_nodes[level + 1] + child.flatten(1)).view_as(child)
        return exhausted[torch.searchsorted(exhausted, node).clamp_(max=len(exhausted) - 1)] != node

    def rank(self, place: Tensor) -> Tensor:
        """Return the number of remaining places before ``place`` [B, W], including those of earlier rows.

        A place is one of the tree's ``leaf_items``; N is the end of a row.
        """
        key = self._rows * self._size + place
        return key - torch.searchsorted(self._taken, key)

    def place(self, rank: Tensor) -> Tensor:
        """Return the remaining place with ``rank`` [B, k]: the inverse of :meth:`rank`."""
        return rank + torch.searchsorted(self._left_before, rank, right=True) - self._rows * self._size

    def _exhausted_nodes(self) -> list[Tensor]:
        """Return, for depths 1 … S, the nodes whose items are all excluded, as row · nodes + node, ascending."""
        tree = self._tree
        row, place = self._taken // self._size, self._taken % self._size
        node = torch.searchsorted(tree.first_item, place.to(tree.first_item.dtype), right=True) - 1
        found = []
        for depth in range(len(tree.level_sizes), 0, -1):
            n_nodes = tree.n_nodes[depth]
            # Places are ordered by Semantic ID, so equal nodes are neighbours at every depth.
            key, taken = torch.unique_consecutive(row * n_nodes + node, return_counts=True)
            begin, end = tree.item_range(depth, key % n_nodes)
            found.append(key[taken == end - begin])
            node = tree.parents(depth, node)
        return found[::-1]


def _places(tree: PrefixTree, items: Tensor) -> Tensor:
    """Return the index of each item [E] in the tree's ``leaf_items``, or −1."""
    place = torch.full((int(tree.leaf_items.max()) + 1,), -1, device=items.device)
    place[tree.leaf_items.long()] = torch.arange(tree.n_items, device=items.device)
    known = (items >= 0) & (items < len(place))
    return torch.where(known, place[torch.where(known, items, 0)], -1)
