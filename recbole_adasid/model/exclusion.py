"""Items that a user must not be recommended, kept out while the beam grows."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.prefix_tree import PrefixTree


class Exclusion:
    """Which prefixes still lead to an item, once each user's excluded items are taken away.

    Args:
        tree: of the items that may be recommended at all.
        catalogue: all items.
        excluded: int64 [B, X] item ids, 0 for none; an item may be named twice.
    """

    def __init__(self, tree: PrefixTree, catalogue: Catalogue, excluded: Tensor) -> None:
        ordered = excluded.sort(1).values
        repeated = torch.nn.functional.pad(ordered[:, 1:] == ordered[:, :-1], (1, 0), value=False)
        self.excluded = ordered.masked_fill(repeated, 0)
        self.most = excluded.shape[1]
        self.below = tree.items_below()
        none = self.excluded == 0
        # Per depth, the nodes [B, X] on the way to the excluded items, ascending; −1 where there is none.
        self.nodes = [
            nodes.masked_fill(none, -1).sort(1).values for nodes in tree.path(catalogue(self.excluded.clamp(min=0)))
        ]

    def leaves_something(self, level: int, child: Tensor) -> Tensor:
        """Tell whether the nodes ``child`` [B, W, M] of depth ``level`` + 1 stand for an item that is not excluded."""
        nodes, flat = self.nodes[level], child.flatten(1)
        taken = torch.searchsorted(nodes, flat, right=True) - torch.searchsorted(nodes, flat)
        return self.below[level][child] > taken.view_as(child)

    def drop(self, items: Tensor, scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return the first ``k`` of recommended items [B, k + X] and their scores that are not excluded."""
        unwanted = (items[..., None] == self.excluded[:, None]).any(2)
        order = unwanted.long().argsort(dim=1, stable=True)[:, :k]
        items, scores = items.masked_fill(unwanted, 0), scores.masked_fill(unwanted, -torch.inf)
        return items.gather(1, order), scores.gather(1, order)
