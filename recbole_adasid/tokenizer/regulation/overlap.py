"""In-batch overlaps of Semantic IDs: depth o (AdaSID §3.1), candidate set P (Eq. 2) and signature κ (Eq. 8)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

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


@torch.no_grad()
def find_overlaps(codes: Tensor, items: Tensor) -> Overlaps:
    """Return every pair of rows that holds two different items and agrees on at least one level.

    Eq. 2 counts ordered pairs; all quantities are symmetric, so each pair is kept once. Two rows of one item are left
    out: an item does not collide with itself.

    Args:
        codes: int64 [M, L] with L ≤ 8.
        items: int64 [M].

    Raises:
        ValueError: if a Semantic ID has more than :data:`MAX_LEVELS` levels.
    """
    n_levels = codes.shape[1]
    if n_levels > MAX_LEVELS:
        raise ValueError(f"a regulation handles at most {MAX_LEVELS} levels, got {n_levels}: lower sid_length")
    signature = torch.zeros(len(codes), len(codes), dtype=torch.uint8, device=codes.device)
    for level in range(n_levels):
        column = codes[:, level].to(torch.int32)
        signature |= (column.unsqueeze(1) == column).to(torch.uint8) << level
    narrow = items.to(torch.int32)
    signature *= narrow.unsqueeze(1) != narrow
    first, second = signature.triu_(1).nonzero(as_tuple=True)
    found = signature[first, second].long()
    depth_of = torch.tensor([bin(s).count("1") for s in range(2**n_levels)], device=codes.device)
    return Overlaps(first, second, found, depth_of[found])
