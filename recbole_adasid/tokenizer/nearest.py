"""Nearest-codeword lookup, the one operation that every tokenizer shares."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def nearest_codeword(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Return argmin_k ‖v − c_k‖² for each vector: [B, D], [K, D] → int64 [B]; the smaller index wins ties."""
    # ‖v‖² is the same for every codeword, so it drops out of the comparison.
    half_norms = 0.5 * codebook.square().sum(dim=1)
    return torch.addmm(half_norms.unsqueeze(0), vectors, codebook.t(), alpha=-1.0).argmin(dim=1)
