"""The rotation trick: gradients are rotated and rescaled on the way back (Fifty et al., ICLR 2025)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer


class RotationQuantizer(StraightThroughQuantizer):
    """Plain codebook; ẑ is written as the rotation and rescaling of z that carries z onto it, both held constant.

    The gradient at z is then the gradient at ẑ turned by the same angle, so it keeps its angle to the vector. Levels
    share one rotation, from z to the sum of the codewords; the paper has only a single level.
    """

    @staticmethod
    def estimate(latent: Tensor, quantized: Tensor) -> Tensor:
        """Return (‖q‖ / ‖z‖)·[z − 2·w(wᵀz) + 2·q̂(ẑᵀz)] with ẑ = z/‖z‖, q̂ = q/‖q‖ and w = (ẑ + q̂)/‖ẑ + q̂‖ constant.

        Its value is ``quantized`` (arXiv 2410.06424, section 4.2).
        """
        start, end = F.normalize(latent.detach(), dim=1), F.normalize(quantized.detach(), dim=1)
        middle = F.normalize(start + end, dim=1)
        lengths = latent.detach().norm(dim=1, keepdim=True).clamp_min(1e-12)
        scale = quantized.detach().norm(dim=1, keepdim=True) / lengths
        reflected = latent - 2 * middle * (middle * latent).sum(1, keepdim=True)
        return scale * (reflected + 2 * end * (start * latent).sum(1, keepdim=True))
