"""The rotation trick: gradients are rotated and rescaled on the way back (Fifty et al., ICLR 2025)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer

SHORT = 1e-4
"""A vector of less than this share of its codeword's length has no direction to turn."""


class RotationQuantizer(StraightThroughQuantizer):
    """Plain codebook; each level's codeword is written as the rotation and rescaling of its residual that gives it.

    The gradient at the residual is then that at the codeword turned by the same angle, so it keeps its angle to the
    vector. Those of all levels add up at z, as in vector-quantize-pytorch's ResidualVQ.
    """

    EDITION: ClassVar[int] = 2  # 0: one rotation, from z to the sum of the codewords; 1: residuals near 0 rotated too

    def passed(self, residual: Tensor, chosen: Tensor, codeword: Tensor) -> Tensor:
        """See :meth:`LevelQuantizer.passed` and :func:`rotated`."""
        return rotated(residual, codeword)


def rotated(vectors: Tensor, quantized: Tensor) -> Tensor:
    """Return (‖q‖ / ‖v‖)·[v − 2·w(wᵀv) + 2·q̂(v̂ᵀv)] with v̂ = v/‖v‖, q̂ = q/‖q‖ and w = (v̂ + q̂)/‖v̂ + q̂‖ constant.

    Its value is ``quantized`` [B, D], with a gradient towards ``vectors`` [B, D] (arXiv 2410.06424, section 4.2).

    After k-means a codeword can sit on an item, whose residual is then 0: the gradient would be multiplied by 1e8 and
    more, which an optimiser remembers for thousands of steps. Such rows take the straight-through estimator.
    """
    start, end = F.normalize(vectors.detach(), dim=1), F.normalize(quantized.detach(), dim=1)
    middle = F.normalize(start + end, dim=1)
    length, wanted = (each.detach().norm(dim=1, keepdim=True) for each in (vectors, quantized))
    short = length < SHORT * wanted
    scale = wanted / length.masked_fill(short, 1.0).clamp_min(1e-12)
    reflected = vectors - 2 * middle * (middle * vectors).sum(1, keepdim=True)
    turned = scale * (reflected + 2 * end * (start * vectors).sum(1, keepdim=True))
    return torch.where(short, vectors + (quantized - vectors).detach(), turned)
