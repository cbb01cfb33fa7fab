"""Where prefixes stand among the Semantic IDs that a softmax over the tree knows.

Letters: B histories, Q prefixes of each, K codewords of a level.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree


class Places(NamedTuple):
    """Nodes of prefixes in the tree of the trained items and in the tree of all items.

    Two trees, so that items added after training change no other item's score.
    """

    trained: PrefixTree
    nodes: Tensor
    """int64 [B or 1, Q], −1 for a prefix of no trained item."""
    everything: PrefixTree | None
    """None: the same items."""
    all_nodes: Tensor
    """int64 [B or 1, Q]"""

    @classmethod
    def root(cls, trained: PrefixTree, everything: PrefixTree | None = None) -> Places:
        """Return the place of one empty prefix."""
        nodes = torch.zeros(1, 1, dtype=torch.int64, device=trained.leaf_items.device)
        return cls(trained, nodes, everything, nodes)

    def after(self, level: int, codes: Tensor, parents: Tensor | None = None) -> Places:
        """Return the places of the prefixes extended by ``codes`` [B or 1, Q′] of ``level``.

        Args:
            parents: int64 [B or 1, Q′], which of the Q prefixes is extended; None: each one once.
        """
        nodes = _extended(self.trained, level, self.nodes, codes, parents)
        if self.everything is None:
            return Places(self.trained, nodes, None, nodes)
        return Places(
            self.trained, nodes, self.everything, _extended(self.everything, level, self.all_nodes, codes, parents)
        )

    def leaves(self, level: int) -> tuple[Tensor, Tensor]:
        """Return how many Semantic IDs continue the prefixes by each code: of trained and of all items, [.., Q, K]."""
        trained = _leaves_by_code(self.trained, level, self.nodes)
        if self.everything is None:
            return trained, trained
        return trained, _leaves_by_code(self.everything, level, self.all_nodes)


def _extended(tree: PrefixTree, level: int, nodes: Tensor, codes: Tensor, parents: Tensor | None) -> Tensor:
    if parents is not None:
        rows = max(len(nodes), len(parents))
        nodes = nodes.expand(rows, -1).gather(1, parents.expand(rows, -1))
    nodes, codes = torch.broadcast_tensors(nodes, codes)
    return torch.where(nodes >= 0, tree.child(level, nodes.clamp(min=0), codes), -1)


def _leaves_by_code(tree: PrefixTree, level: int, nodes: Tensor) -> Tensor:
    """Return the number of Semantic IDs that continue the prefixes ``nodes`` [..., Q] by each code, [..., Q, K]."""
    size = tree.level_sizes[level]
    child, code, exists = tree.expand(level, nodes.clamp(min=0))
    exists &= (nodes >= 0)[..., None]
    counts = torch.zeros(*nodes.shape, size + 1, device=nodes.device)
    counts.scatter_(-1, torch.where(exists, code, size), tree.n_leaves(level + 1, child).float())
    return counts[..., :size]
