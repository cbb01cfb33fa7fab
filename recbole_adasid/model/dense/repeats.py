"""Items already in the history; a learned number raises or lowers their scores.

Letters: E examples, each a history, B rows of T items, n items of a sequence, C candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Repeats(NamedTuple):
    """Pairs of an example and an item of its history, each once."""

    rows: Tensor
    """int64 [P], of the example."""
    items: Tensor
    """int64 [P], item ids."""

    @classmethod
    def of_histories(cls, items: Tensor) -> Repeats:
        """Return the pairs of histories int64 [E, T], padded with 0."""
        rows, places = first_times(items).nonzero(as_tuple=True)
        return cls(rows, items[rows, places])

    @classmethod
    def of_sequences(cls, items: Tensor, predicted: Tensor) -> Repeats:
        """Return the pairs of the ``predicted`` positions, bool [B, n - 1], of sequences [B, n], row by row.

        Position t is predicted from the items up to t.
        """
        n = predicted.shape[1]
        inside = torch.ones(n, n, dtype=torch.bool, device=items.device).tril()
        wanted = predicted[:, :, None] & first_times(items[:, :-1])[:, None, :] & inside
        rows, at, places = wanted.nonzero(as_tuple=True)
        number = predicted.flatten().cumsum(0) - 1
        return cls(number[rows * n + at], items[rows, places])

    def among(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows and columns of a matrix [E, C] of scores where column c is an item of the row's history.

        Args:
            candidates: int64 [C], the columns' items, in any order; duplicates are allowed.
        """
        ordered, column = candidates.sort()
        begin, end = (torch.searchsorted(ordered, self.items, right=right) for right in (False, True))
        times = end - begin
        pair = torch.arange(len(times), device=times.device).repeat_interleave(times)
        after = torch.arange(len(pair), device=times.device) - (times.cumsum(0) - times)[pair]
        return self.rows[pair], column[begin[pair] + after]

    def hold(self, items: Tensor) -> Tensor:
        """Tell which of ``items`` int64 [E, W] are in the history of their row, bool [E, W]."""
        base = 1 + max((int(some.max()) for some in (self.items, items) if some.numel()), default=0)
        rows = torch.arange(len(items), device=items.device)[:, None]
        return torch.isin(rows * base + items, self.rows * base + self.items)


class Bias(NamedTuple):
    """A number added to some scores of a matrix, each once, and one for each column."""

    rows: Tensor
    """int64 [P]"""
    columns: Tensor
    """int64 [P]"""
    amount: Tensor
    """[], or [P]: one per position."""
    of_columns: Tensor | None = None
    """[C]; None: nothing."""

    def added_to(self, scores: Tensor) -> Tensor:
        """Add it to ``scores`` [E, C] in place, and return them."""
        if self.of_columns is not None:
            scores += self.of_columns.to(scores.dtype)
        amounts = self.amount.to(scores.dtype).expand(self.rows.shape)
        # `accumulate` passes gradients through without copying the matrix.
        return scores.index_put_((self.rows, self.columns), amounts, accumulate=True)


def first_times(items: Tensor) -> Tensor:
    """Tell which items of [B, T] occur for the first time in their row, bool [B, T]; 0 is padding."""
    ordered, place = items.sort(dim=1, stable=True)
    first = torch.ones_like(items, dtype=torch.bool)
    first.scatter_(1, place[:, 1:], ordered[:, 1:] != ordered[:, :-1])
    return first & (items > 0)
