"""Histories on which an exported folder is compared with the run before it appears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recbole_adasid.export.standalone.semantic_ids import NextTokens, SemanticIds
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
        model, longest = recommender.model, recommender.max_history
        random = torch.Generator().manual_seed(0)
        lengths = torch.linspace(1, longest, _HISTORIES).long()
        width = max(2, longest)  # torch.export would treat 1 as a constant
        items = torch.randint(1, model.catalogue.n_items + 1, (_HISTORIES, width), generator=random)
        items *= torch.arange(width) < lengths[:, None]
        present = model.catalogue.tree.leaf_items.long()
        return cls(items, lengths, present[torch.randint(len(present), (_HISTORIES,), generator=random)])

    def prefixes(self, model: TIGERModel) -> Tensor:
        """Return the targets' tokens after the start token, rows of the vocabulary, int64 [B, 1 + S]."""
        tokens = model.network.vocabulary.token_ids(model.catalogue(self.targets))
        return torch.nn.functional.pad(tokens, (1, 0))

    def scores(self, model: TIGERModel) -> Tensor:
        """Return the log-probabilities [B] of the targets' tokens, for LIGER too."""
        return TIGERModel.score_targets(model, self.items, self.lengths, self.targets)

    def path_scores(self, folder: Path, found: Sequence[Tensor]) -> Tensor:
        """Return the log-probabilities [B] of the targets, as an exported folder's own code computes them.

        Args:
            folder: written but for the description.
            found: the exported network's log-probabilities [B, V] of the tokens after each of the targets' prefixes.
        """
        ids = SemanticIds(folder)
        histories = [[ids.items[number] for number in row if number] for row in self.items.tolist()]
        choices, rows = NextTokens(ids, histories, []), np.arange(len(histories))[:, None]
        paths = np.array([ids.path(ids.item_tokens[number]) for number in self.targets.tolist()])
        total, states = np.zeros(len(paths)), np.zeros(len(paths), dtype=np.int64)
        for level, scores in enumerate(found):
            children, tokens, exists = ids.children(states)
            given = np.take_along_axis(scores.detach().numpy(), tokens, 1)
            states = paths[:, level]
            shares = choices.log_probabilities(given, level, rows, children, exists)
            total += np.where((children == states[:, None]) & exists, shares, 0).sum(1)
        return torch.from_numpy(total)


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
