"""Cosines of overlapping pairs only (AdaSID Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.regulation.overlap import Overlaps

_PAIRS_AT_ONCE = 4096
"""Their vectors fit in the processor's cache, so they are not read from memory again."""


@torch.no_grad()
def pair_similarity(direction: Tensor, pairs: Overlaps) -> Tensor:
    """Return the products [P] of unit vectors ``direction`` [M, D] for each pair.

    Writing the matrix of all M² cosines, of which few are needed, would cost more than computing these.
    """
    parts = zip(pairs.first.split(_PAIRS_AT_ONCE), pairs.second.split(_PAIRS_AT_ONCE))
    products = [torch.linalg.vecdot(direction.index_select(0, i), direction.index_select(0, j)) for i, j in parts]
    return torch.cat(products)
