"""Plain codebook with the straight-through estimator (RQ-VAE; Bengio et al., arXiv 1308.3432)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer


class StraightThroughQuantizer(LevelQuantizer):
    """Trainable codewords [K, D]; the gradient of the quantised vector is copied to the latent unchanged."""

    def __init__(self, *, n_codewords: int, dim: int, level: int = 0) -> None:
        super().__init__(n_codewords=n_codewords, dim=dim, level=level)
        self.codewords = nn.Parameter(torch.randn(n_codewords, dim) / dim**0.5)

    def codebook(self) -> Tensor:
        """Return the codewords [K, D]."""
        return self.codewords

    @torch.no_grad()
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Replace the codewords at ``rows`` [R] with ``codewords`` [R, D]."""
        self.codewords[rows] = codewords.to(self.codewords.dtype)


def straight_through(vectors: Tensor, quantized: Tensor) -> Tensor:
    """Return v + sg(q − v): the value of ``quantized`` q with dq/dv = 1."""
    return vectors + (quantized - vectors).detach()
