"""In-batch overlaps of Semantic IDs: depth o (AdaSID §3.1), candidate set P (Eq. 2) and signature κ (Eq. 8)."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.equal_pairs import equal_pairs

MAX_LEVELS = 8
"""A signature is kept in one byte, so a Semantic ID may have at most eight levels."""
MAX_ROWS = 65_536
"""Items of a batch are numbered in 16 bits."""


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
    out: an item does not collide with itself. Rows are grouped by code level by level, so that the work grows with the
    pairs that overlap and not with all M².

    Args:
        codes: int64 [M, L] with L ≤ 8, below 65,536; M at most 65,536.
        items: int64 [M].

    Raises:
        ValueError: if a Semantic ID has more than :data:`MAX_LEVELS` levels, or for more than :data:`MAX_ROWS` rows.
    """
    n_rows, n_levels = codes.shape
    if n_levels > MAX_LEVELS:
        raise ValueError(f"a regulation handles at most {MAX_LEVELS} levels, got {n_levels}: lower sid_length")
    if n_rows > MAX_ROWS:
        raise ValueError(f"a regulation handles at most {MAX_ROWS:,} rows, got {n_rows:,}: lower tokenizer_batch_pairs")
    # The item goes before the codes as if it were one more level, so that one comparison tells all.
    entries = torch.cat([items.unique(return_inverse=True)[1][:, None], codes], dim=1)
    words = _packed(entries)
    found = []
    for level, column in enumerate(codes.t().contiguous()):
        first, second = equal_pairs(column)
        agreement = _agreement(words, first, second)
        same_item_or_found_before = (1 << (level + 1)) - 1
        new = ((agreement & same_item_or_found_before) == 0).nonzero().squeeze(1)
        found.append(tuple(values.index_select(0, new) for values in (first, second, agreement)))
    first, second, agreement = (torch.cat(parts) for parts in zip(*found))
    signature = (agreement >> 1) & (2**n_levels - 1)
    depth_of = torch.tensor([bin(s).count("1") for s in range(2**n_levels)], device=codes.device)
    return Overlaps(first, second, signature, depth_of.index_select(0, signature))


def _packed(entries: Tensor) -> Tensor:
    """Return numbers [M, C] below 65,536 as int64 [⌈C / 4⌉, M]: four of them in a word, zeros after the last."""
    padded = F.pad(entries, (0, -entries.shape[1] % 4)).to(torch.int16)
    return padded.view(torch.int64).t().contiguous()


def _agreement(words: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return int64 [P]: bit c is set if the packed numbers c of rows ``first`` and ``second`` are equal."""
    parts = []
    for place, word in enumerate(words):
        difference = word.index_select(0, first).bitwise_xor_(word.index_select(0, second))
        equal = (difference.view(torch.int16) == 0).view(torch.int32)  # four bytes of 0 or 1
        # This product puts the lowest bits of the four bytes side by side, from bit 24 on.
        parts.append(((equal * 0x01020408 >> 24) & 0b1111).long() << 4 * place)
    return reduce(torch.bitwise_or, parts)
