"""History items that share a prefix of a Semantic ID, and what follows it in them.

Letters: B histories of T items, S tokens each, Q prefixes per history, K codewords of a level.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Continuations(NamedTuple):
    """Which items of each history begin with each prefix."""

    tokens: Tensor
    """int64 [B, T, S], codes per level."""
    agree: Tensor
    """bool [B, Q, T]"""
    first: Tensor
    """bool [B, T], whether a Semantic ID occurs for the first time."""
    ages: Tensor
    """int64 [B or 1, Q or 1, T], how many items the history has after this one."""

    @classmethod
    def of_histories(cls, tokens: Tensor, lengths: Tensor) -> Continuations:
        """Return those of the empty prefix, shared by all items within ``lengths`` [B]; Q is 1."""
        ages = lengths[:, None] - 1 - torch.arange(tokens.shape[1], device=lengths.device)
        return cls(tokens, (ages >= 0)[:, None], _first_times(tokens), ages.clamp(min=0)[:, None])

    @classmethod
    def of_sequences(cls, tokens: Tensor) -> Continuations:
        """Return those of the empty prefix at each position of sequences, which sees the items up to it; Q is T."""
        here = torch.arange(tokens.shape[1], device=tokens.device)
        ages = here[:, None] - here
        agree = (ages >= 0).expand(len(tokens), -1, -1)
        return cls(tokens, agree, _first_times(tokens), ages.clamp(min=0)[None])

    def at(self, chosen: Tensor) -> Continuations:
        """Return those of the E ``chosen`` positions, bool [B, Q], of sequences, as of E histories."""
        rows, places = chosen.nonzero(as_tuple=True)
        return Continuations(
            self.tokens[rows], self.agree[rows, places][:, None], self.first[rows], self.ages[0, places][:, None]
        )

    def counts(self, level: int, n_codes: int) -> Tensor:
        """Return how many different Semantic IDs continue the prefix with each code of ``level``, float32 [B, Q, K]."""
        return self._by_code(level, n_codes, (self.agree & self.first[:, None]).float())

    def weigh(self, level: int, weights: Tensor, n_codes: int) -> Tensor:
        """Return the summed weights of the items that continue the prefix with each code of ``level``, [B, Q, K].

        Args:
            weights: [A], by age; the last one is that of all older items, too.
        """
        return self._by_code(level, n_codes, weights[self.ages.clamp(max=len(weights) - 1)] * self.agree)

    def _by_code(self, level: int, n_codes: int, amounts: Tensor) -> Tensor:
        codes = self.tokens[:, None, :, level].expand(self.agree.shape)
        return torch.zeros(*self.agree.shape[:2], n_codes, device=codes.device).scatter_add(2, codes, amounts)

    def after(self, level: int, codes: Tensor, parents: Tensor | None = None) -> Continuations:
        """Return those of the prefixes of histories extended by ``codes`` [B or 1, Q′] of ``level``.

        Args:
            parents: int64 [B or 1, Q′], which of the Q prefixes is extended; None: each one once.
        """
        agree = self.agree if parents is None else self.agree.take_along_dim(parents[..., None], dim=1)
        return self._replace(agree=agree & (self.tokens[:, None, :, level] == codes[..., None]))


def _first_times(tokens: Tensor) -> Tensor:
    """Tell which Semantic IDs [B, T, S] occur for the first time in their history, bool [B, T]."""
    same = (tokens[:, :, None] == tokens[:, None]).all(-1)
    return ~same.tril(-1).any(-1)
