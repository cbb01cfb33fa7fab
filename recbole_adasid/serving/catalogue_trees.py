"""Prefix trees of a catalogue, of all items that may be recommended or of some.

Letters: N items of the run, A items added later.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.prefix_tree import PrefixTree

MOST_KEPT = 8
"""Cached trees at most: with a million items, building a large one takes as long as decoding some histories."""


class CatalogueTrees:
    """The trees of a catalogue's items; those of all items and of the latest categories are cached.

    Args:
        catalogue: of N + A items.
        n_of_run: N.
        recommended: bool [N + A + 1], which items may be recommended.
    """

    def __init__(self, catalogue: Catalogue, n_of_run: int, recommended: Tensor) -> None:
        self._catalogue, self._n_of_run, self._recommended = catalogue, n_of_run, recommended
        self._kept: dict[tuple[str | None, bool], list[PrefixTree]] = {}

    def of(self, chosen: Tensor | None, *, by_age: bool, name: str | None = None) -> list[PrefixTree]:
        """Return the tree of some items or, ``by_age``, two: of the run's own items and of those added since.

        Args:
            chosen: bool [N + A + 1]; None: all that may be recommended.
            by_age: one tree nevertheless if one of the two would be empty.
            name: under which to keep them; None: they are not asked for again.
        """
        if chosen is None and not by_age:
            return [self._catalogue.tree]
        if chosen is not None and name is None:
            return self._made(chosen, by_age)
        if (name, by_age) not in self._kept:
            made = self._made(self._recommended if chosen is None else chosen, by_age)
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[name, by_age] = made
        return self._kept[name, by_age]

    def _made(self, chosen: Tensor, by_age: bool) -> list[PrefixTree]:
        came = torch.arange(len(chosen)) > self._n_of_run
        kinds = [chosen & ~came, chosen & came] if by_age else [chosen]
        if not all(kind.any() for kind in kinds):
            kinds = [chosen]
        return [self._catalogue.tree_of(kind.nonzero().squeeze(1)) for kind in kinds]
