"""L-level residual quantisation (AdaSID §3.1; Lee et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_adasid.tokenizer.losses import mean_of_draws
from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer
from recbole_adasid.tokenizer.quantizer.straight_through import straight_through


class Quantization(NamedTuple):
    """Result of quantising a batch of latents."""

    quantized: Tensor
    """ẑ [B, D] = Σ_l q_l in value, with the estimator's gradient towards z."""
    codes: Tensor
    """int64 [B, L], the codeword chosen at each level."""
    loss: Tensor
    """Scalar L_rq."""
    residuals: Tensor
    """[L, B, D], detached: the input of each level (used to revive codewords)."""


class ResidualQuantizer(nn.Module):
    """Quantise z with L codebooks, each coding the residual of the previous ones.

    r_0 = z, s_l = argmin_k ‖r_{l−1} − c_k‖, r_l = r_{l−1} − q_l, ẑ = Σ_l q_l (AdaSID §3.1), with
    L_rq = Σ_l ‖sg(r_{l−1}) − q_l‖² + β‖r_{l−1} − sg(q_l)‖², averaged over the batch and over the D columns.
    The paper calls L_rq "the standard residual-quantization objective"; averaging over columns is our choice, so that
    it balances a reconstruction error averaged the same way.

    Args:
        levels: one :class:`LevelQuantizer` per level, front to back, all of the same width.
        commitment: β, weight of the term that pulls the encoder towards its codewords.
    """

    def __init__(self, *, levels: Sequence[LevelQuantizer], commitment: float) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.commitment = commitment

    @property
    def codebook_sizes(self) -> list[int]:
        """K of each level."""
        return [level.n_codewords for level in self.quantizers()]

    def forward(self, latent: Tensor, counts: Tensor | None = None) -> Quantization:
        """Quantise ``latent`` [B, D]; ``counts`` [B] weights each row in the loss, None: all 1."""
        residual, total = latent, torch.zeros_like(latent)
        codes, residuals, losses, passed = [], [], [], []
        for level in self.quantizers():
            chosen = level.nearest(residual.detach())
            codeword = F.embedding(chosen, level.codebook().detach())
            losses.append(level.loss(residual, chosen, self.commitment))
            codes.append(chosen)
            residuals.append(residual.detach())
            passed.append(level.passed(residual, chosen, codeword))
            total = total + codeword
            residual = residual - codeword
        own = [vector for vector in passed if vector is not None]
        quantized = torch.stack(own).sum(0) if own else straight_through(latent, total)
        loss = mean_of_draws(torch.stack(losses).sum(0), counts)
        return Quantization(quantized, torch.stack(codes, 1), loss, torch.stack(residuals))

    @torch.no_grad()
    def encode(self, latent: Tensor) -> Tensor:
        """Return the codes int64 [B, L] of ``latent`` [B, D]."""
        codes = []
        for level in self.quantizers():
            chosen = level.nearest(latent)
            latent = latent - level.codebook()[chosen]
            codes.append(chosen)
        return torch.stack(codes, dim=1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return ẑ [B, D], the sum of the codewords selected by ``codes`` [B, L]."""
        vectors = [level.codebook()[column] for level, column in zip(self.quantizers(), codes.t())]
        return torch.stack(vectors).sum(dim=0)

    @torch.no_grad()
    def initialise(self, latent: Tensor, *, iterations: int, generator: torch.Generator) -> None:
        """Fit every codebook to the residuals of ``latent`` [N, D], level by level."""
        for level in self.quantizers():
            level.initialise(latent, iterations=iterations, generator=generator)
            latent = latent - level.codebook()[level.nearest(latent)]

    def quantizers(self) -> list[LevelQuantizer]:
        """Return the levels, front to back."""
        return list(self.levels)  # type: ignore[arg-type]
