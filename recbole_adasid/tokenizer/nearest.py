"""Nearest-codeword lookup, the one operation that every tokenizer shares."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_DISTANCES = 2**25
"""Distances held together, 128 MiB: more vectors are looked up in blocks of rows."""
_ROWS = 256  # a block's rows are a multiple, so that the same kernels compute them
FAR = 0.9999
"""From this share of the mean squared length on, points' mean is taken for an offset. Below it, rounding in float32 is
harmless."""


@torch.no_grad()
def nearest_codeword(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Return argmin_k ‖v − c_k‖² for each vector: [B, D], [K, D] → int64 [B]; the smaller index wins ties."""
    # ‖v‖² is the same for every codeword, so it drops out of the comparison. With o an offset of the codewords and
    # c' = c − o, what is left is ‖c'‖²/2 + o·c' − v·c', whose terms do not drown the differences in rounding errors.
    origin = offset(codebook)
    codebook = codebook - origin
    biases = 0.5 * codebook.square().sum(dim=1) + codebook @ origin
    rows = max(1, MOST_DISTANCES // (len(codebook) * _ROWS)) * _ROWS
    if len(vectors) <= rows:
        return _nearest(vectors, codebook, biases)
    return torch.cat([_nearest(block, codebook, biases) for block in vectors.split(rows)])


def _nearest(vectors: Tensor, codebook: Tensor, biases: Tensor) -> Tensor:
    return torch.addmm(biases.unsqueeze(0), vectors, codebook.t(), alpha=-1.0).argmin(dim=1)


@torch.no_grad()
def offset(points: Tensor) -> Tensor:
    """Return the mean [D] of ``points`` [N, D] if they lie so far from 0 that it would drown their differences in
    rounding errors; otherwise 0.
    """
    mean = points.mean(dim=0)
    squared_length = torch.linalg.vector_norm(points, dim=1).square().mean()
    return torch.where(mean.square().sum() > FAR * squared_length, mean, torch.zeros_like(mean))
