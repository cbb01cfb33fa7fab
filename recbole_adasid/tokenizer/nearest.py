"""Nearest-codeword lookup, the one operation that every tokenizer shares."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_DISTANCES = 2**25
"""Distances held together, 128 MiB: more vectors are looked up in blocks of rows."""
_ROWS = 256  # a block's rows are a multiple, so that the same kernels compute them


@torch.no_grad()
def nearest_codeword(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Return argmin_k ‖v − c_k‖² for each vector: [B, D], [K, D] → int64 [B]; the smaller index wins ties."""
    # ‖v‖² is the same for every codeword, so it drops out of the comparison.
    half_norms = 0.5 * codebook.square().sum(dim=1)
    rows = max(1, MOST_DISTANCES // (len(codebook) * _ROWS)) * _ROWS
    if len(vectors) <= rows:
        return _nearest(vectors, codebook, half_norms)
    return torch.cat([_nearest(block, codebook, half_norms) for block in vectors.split(rows)])


def _nearest(vectors: Tensor, codebook: Tensor, half_norms: Tensor) -> Tensor:
    return torch.addmm(half_norms.unsqueeze(0), vectors, codebook.t(), alpha=-1.0).argmin(dim=1)
