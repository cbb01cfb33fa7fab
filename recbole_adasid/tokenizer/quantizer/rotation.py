"""The rotation trick: gradients are rotated and rescaled on the way back (Fifty et al., ICLR 2025)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer


class RotationQuantizer(StraightThroughQuantizer):
    """Plain codebook; each level's codeword is written as the rotation and rescaling of its residual that gives it.

    The gradient at the residual is then that at the codeword turned by the same angle, so it keeps its angle to the
    vector. Those of all levels add up at z, as in vector-quantize-pytorch's ResidualVQ.
    """

    EDITION: ClassVar[int] = 1  # 0: one rotation, from z to the sum of the codewords

    def passed(self, residual: Tensor, chosen: Tensor, codeword: Tensor) -> Tensor:
        """See :meth:`LevelQuantizer.passed` and :func:`rotated`."""
        return rotated(residual, codeword)


def rotated(vectors: Tensor, quantized: Tensor) -> Tensor:
    """Return (‖q‖ / ‖v‖)·[v − 2·w(wᵀv) + 2·q̂(v̂ᵀv)] with v̂ = v/‖v‖, q̂ = q/‖q‖ and w = (v̂ + q̂)/‖v̂ + q̂‖ constant.

    Its value is ``quantized`` [B, D], with a gradient towards ``vectors`` [B, D] (arXiv 2410.06424, section 4.2).
    """
    start, end = F.normalize(vectors.detach(), dim=1), F.normalize(quantized.detach(), dim=1)
    middle = F.normalize(start + end, dim=1)
    lengths = vectors.detach().norm(dim=1, keepdim=True).clamp_min(1e-12)
    scale = quantized.detach().norm(dim=1, keepdim=True) / lengths
    reflected = vectors - 2 * middle * (middle * vectors).sum(1, keepdim=True)
    return scale * (reflected + 2 * end * (start * vectors).sum(1, keepdim=True))
