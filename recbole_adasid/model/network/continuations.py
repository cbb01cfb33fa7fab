"""History items that share a prefix of a Semantic ID; a learned number raises or lowers their next tokens.

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

    @classmethod
    def of_histories(cls, tokens: Tensor, lengths: Tensor) -> Continuations:
        """Return those of the empty prefix, shared by all items within ``lengths`` [B]; Q is 1."""
        here = torch.arange(tokens.shape[1], device=lengths.device)
        return cls(tokens, (here < lengths[:, None])[:, None])

    @classmethod
    def of_sequences(cls, tokens: Tensor) -> Continuations:
        """Return those of the empty prefix at each position of sequences, which sees the items up to it; Q is T."""
        n = tokens.shape[1]
        seen = torch.ones(n, n, dtype=torch.bool, device=tokens.device).tril()
        return cls(tokens, seen.expand(len(tokens), -1, -1))

    def at(self, chosen: Tensor) -> Continuations:
        """Return those of the E ``chosen`` prefixes, bool [B, Q], as of E histories with one prefix each."""
        return Continuations(self.tokens[chosen.nonzero()[:, 0]], self.agree[chosen][:, None])

    def following(self, level: int, n_codes: int) -> Tensor:
        """Return 1 where an item continues the prefix with this code of ``level``, else 0: float32 [B, Q, K]."""
        codes = self.tokens[:, None, :, level].expand(self.agree.shape)
        codes = torch.where(self.agree, codes, n_codes)  # other items map past the last code
        found = torch.zeros(*self.agree.shape[:2], n_codes + 1, device=codes.device)
        return found.scatter_(2, codes, 1.0)[..., :n_codes]

    def after(self, level: int, codes: Tensor, parents: Tensor | None = None) -> Continuations:
        """Return those of the prefixes extended by ``codes`` [B or 1, Q′] of ``level``.

        Args:
            parents: int64 [B or 1, Q′], which of the Q prefixes is extended; None: each one once.
        """
        agree = self.agree if parents is None else self.agree.take_along_dim(parents[..., None], dim=1)
        return Continuations(self.tokens, agree & (self.tokens[:, None, :, level] == codes[..., None]))
