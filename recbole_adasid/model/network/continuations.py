"""History items that share a prefix of a Semantic ID, and what follows it in them.

Letters: B histories of T items, S tokens each, Q prefixes per history, K codewords of a level, M children.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree


class Continuations(NamedTuple):
    """Which items of each history begin with each prefix."""

    tokens: Tensor
    """int64 [B, T, S], codes per level."""
    agree: Tensor
    """bool [B, Q, T]"""

    @classmethod
    def of_histories(cls, tokens: Tensor, lengths: Tensor) -> Continuations:
        """Return those of the empty prefix, shared by all items within ``lengths`` [B]; Q is 1."""
        here = torch.arange(tokens.shape[1], device=lengths.device)
        return cls(tokens, ((here < lengths[:, None]) & _first_times(tokens))[:, None])

    @classmethod
    def of_sequences(cls, tokens: Tensor) -> Continuations:
        """Return those of the empty prefix at each position of sequences, which sees the items up to it; Q is T."""
        n = tokens.shape[1]
        seen = torch.ones(n, n, dtype=torch.bool, device=tokens.device).tril()
        return cls(tokens, seen & _first_times(tokens)[:, None])

    def within(self, tree: PrefixTree) -> Continuations:
        """Return those of the items that are in the tree."""
        return Continuations(self.tokens, self.agree & (tree.find(self.tokens) >= 0)[:, None])

    def at(self, chosen: Tensor) -> Continuations:
        """Return those of the E ``chosen`` prefixes, bool [B, Q], as of E histories with one prefix each."""
        return Continuations(self.tokens[chosen.nonzero()[:, 0]], self.agree[chosen][:, None])

    def count(self, level: int, n_codes: int) -> Tensor:
        """Return how many different Semantic IDs continue the prefix with each code of ``level``, float32 [B, Q, K]."""
        codes = self.tokens[:, None, :, level].expand(self.agree.shape)
        found = torch.zeros(*self.agree.shape[:2], n_codes, device=codes.device)
        return found.scatter_add_(2, codes, self.agree.float())

    def after(self, level: int, codes: Tensor, parents: Tensor | None = None) -> Continuations:
        """Return those of the prefixes extended by ``codes`` [B or 1, Q′] of ``level``.

        Args:
            parents: int64 [B or 1, Q′], which of the Q prefixes is extended; None: each one once.
        """
        agree = self.agree if parents is None else self.agree.take_along_dim(parents[..., None], dim=1)
        return Continuations(self.tokens, agree & (self.tokens[:, None, :, level] == codes[..., None]))


def _first_times(tokens: Tensor) -> Tensor:
    """Tell which Semantic IDs [B, T, S] occur for the first time in their history, bool [B, T]."""
    same = (tokens[:, :, None] == tokens[:, None]).all(-1)
    return ~same.tril(-1).any(-1)
