"""In-batch overlaps of Semantic IDs: depth o (AdaSID §3.1), candidate set P (Eq. 2) and signature κ (Eq. 8)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.tokenizer.equal_pairs import equal_pairs

MAX_LEVELS = 8
"""A signature is kept in one byte, so a Semantic ID may have at most eight levels."""


class Overlaps(NamedTuple):
    """The candidate pairs P of a batch, each unordered pair once (i < j)."""

    first: Tensor
    """int64 [P], row i."""
    second: Tensor
    """int64 [P], row j."""
    signature: Tensor
    """int64 [P], κ_ij read as a binary number: bit l is set if level l agrees."""
    depth: Tensor
    """int64 [P], o_ij, the number of levels that agree (any level, not only a prefix)."""

    def flat(self, n_rows: int) -> Tensor:
        """Return where each pair lies in a flattened matrix [M · M], int64 [P]."""
        return self.first * n_rows + self.second


@torch.no_grad()
def find_overlaps(codes: Tensor, items: Tensor) -> Overlaps:
    """Return every pair of rows that holds two different items and agrees on at least one level.

    Eq. 2 counts ordered pairs; all quantities are symmetric, so each pair is kept once. Two rows of one item are left
    out: an item does not collide with itself. Rows are grouped by code level by level, so that the work grows with the
    pairs that overlap and not with all M².

    Args:
        codes: int64 [M, L] with L ≤ 8.
        items: int64 [M].

    Raises:
        ValueError: if a Semantic ID has more than :data:`MAX_LEVELS` levels.
    """
    n_levels = codes.shape[1]
    if n_levels > MAX_LEVELS:
        raise ValueError(f"a regulation handles at most {MAX_LEVELS} levels, got {n_levels}: lower sid_length")
    columns = codes.t().contiguous()
    groups = [_overlaps_found_at(level, columns, items) for level in range(n_levels)]
    first, second, signature = (torch.cat(parts) for parts in zip(*groups))
    depth_of = torch.tensor([bin(s).count("1") for s in range(2**n_levels)], device=codes.device)
    return Overlaps(first, second, signature, depth_of.index_select(0, signature))


def _overlaps_found_at(level: int, columns: Tensor, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return row, row and signature of the pairs that agree at ``level`` and at none before; columns int64 [L, M]."""
    first, second = equal_pairs(columns[level])
    signature = torch.full_like(first, 1 << level)
    for other, column in enumerate(columns):
        if other != level:
            signature |= (column.index_select(0, first) == column.index_select(0, second)).long() << other
    is_new = (signature & ((1 << level) - 1)) == 0
    found = (is_new & (items.index_select(0, first) != items.index_select(0, second))).nonzero().squeeze(1)
    return first.index_select(0, found), second.index_select(0, found), signature.index_select(0, found)
