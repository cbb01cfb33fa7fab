"""Cosines of the pairs that overlap, and of no others (AdaSID Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.regulation.overlap import Overlaps

_PAIRS_AT_ONCE = 4096
"""Their vectors stay in the processor's cache, so that each is read from there and not from memory."""


@torch.no_grad()
def pair_similarity(direction: Tensor, pairs: Overlaps) -> Tensor:
    """Return the products [P] of unit vectors ``direction`` [M, D] pair by pair.

    The matrix of all M² cosines, of which few are wanted, costs more to write than these cost to compute.
    """
    parts = zip(pairs.first.split(_PAIRS_AT_ONCE), pairs.second.split(_PAIRS_AT_ONCE))
    products = [torch.linalg.vecdot(direction.index_select(0, i), direction.index_select(0, j)) for i, j in parts]
    return torch.cat(products)
