"""Histories on which an exported folder is compared with the run before it appears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.serving.recommender import Recommender

TOLERANCE = 1e-4
"""Largest accepted difference from the run's numbers."""
_HISTORIES = 4


class Sample(NamedTuple):
    """Histories and next items, drawn from the catalogue."""

    items: Tensor
    """int64 [B, T], padded on the right with 0."""
    lengths: Tensor
    """int64 [B]"""
    targets: Tensor
    """int64 [B]"""

    @classmethod
    def drawn(cls, recommender: Recommender) -> Sample:
        """Draw histories of various lengths, and next items; the seed is fixed."""
        model, longest = recommender.model, max(2, recommender.max_history)  # torch.export would treat 1 as a constant
        random = torch.Generator().manual_seed(0)
        lengths = torch.linspace(1, longest, _HISTORIES).long()
        items = torch.randint(1, model.catalogue.n_items + 1, (_HISTORIES, longest), generator=random)
        items *= torch.arange(longest) < lengths[:, None]
        present = model.catalogue.tree.leaf_items.long()
        return cls(items, lengths, present[torch.randint(len(present), (_HISTORIES,), generator=random)])

    def prefixes(self, model: TIGERModel) -> Tensor:
        """Return the targets' tokens after the start token, rows of the vocabulary, int64 [B, 1 + S]."""
        tokens = model.network.vocabulary.token_ids(model.catalogue(self.targets))
        return torch.nn.functional.pad(tokens, (1, 0))

    def scores(self, model: TIGERModel) -> Tensor:
        """Return the log-probabilities [B] of the targets' tokens, for LIGER too."""
        return TIGERModel.score_targets(model, self.items, self.lengths, self.targets)

    def path_scores(self, model: TIGERModel, found: Sequence[Tensor]) -> Tensor:
        """Return the log-probabilities [B] of the targets' tokens from an export's, [B, V] after each prefix."""
        softmax, places, tokens = model.network.softmax, model.root, model.catalogue(self.targets)
        if places is None:
            rows = model.network.vocabulary.token_ids(tokens)
            return torch.stack([level.gather(1, rows[:, [at]])[:, 0] for at, level in enumerate(found)]).sum(0)
        known = Continuations.of_histories(model.catalogue(self.items), self.lengths)
        total, first = torch.zeros(len(tokens)), 1
        for level, (size, codes) in enumerate(zip(model.catalogue.level_sizes, tokens.split(1, dim=1))):
            scores = softmax.normalised(found[level][:, None, first : first + size], level, known, places)
            total += scores[:, 0].gather(1, codes)[:, 0]
            known, places, first = known.after(level, codes), places and places.after(level, codes), first + size
        return total


def check_close(found: Tensor, expected: Tensor, what: str) -> float:
    """Return the largest difference of an exported folder's numbers from the run's.

    Raises:
        ValueError: if it is above :data:`TOLERANCE`.
    """
    apart = float((found - expected).detach().abs().max())
    if not apart <= TOLERANCE:
        raise ValueError(
            f"the exported {what} differ from the run's by {apart:.1e}, so nothing was written: please report this"
        )
    return apart
