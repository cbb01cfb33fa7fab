"""Lookup in a factorised, ℓ2-normalised space (Improved VQGAN; Yu et al., ICLR 2022, arXiv 2110.04627)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_adasid.settings.rules import Rule, whole
from recbole_adasid.tokenizer.clustering.kmeans import kmeans
from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer, mutual_error
from recbole_adasid.tokenizer.quantizer.straight_through import straight_through


class CosineQuantizer(LevelQuantizer):
    """Residuals are projected to a few columns and looked up by cosine; the codeword is projected back.

    With p = normalised(r·A) and ê_k the normalised rows of the lookup table, the code is argmax_k pᵀê_k and the
    codeword q = ê_k·B, so r and q live in the D columns of every other quantizer.

    Args:
        n_codewords, dim, level: see :class:`LevelQuantizer`.
        lookup_dim: width of the lookup space (the paper looks up in 32 of 768 columns; the latent here has 32).
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {"lookup_dim": whole(1, 2**16)}
    CODEWORDS: ClassVar[str] = "table"
    EDITION: ClassVar[int] = 2  # 0: the gradient went around the projections; 1: k-means of residuals, not directions

    def __init__(self, *, n_codewords: int, dim: int, level: int = 0, lookup_dim: int = 16) -> None:
        super().__init__(n_codewords=n_codewords, dim=dim, level=level)
        if not 1 <= lookup_dim <= dim:
            raise ValueError(f"lookup_dim must lie between 1 and code_dim, {dim}, got {lookup_dim}")
        self.table = nn.Parameter(torch.randn(n_codewords, lookup_dim))
        self.project_in = nn.Parameter(torch.eye(dim, lookup_dim))
        self.project_out = nn.Parameter(torch.eye(lookup_dim, dim))

    def codebook(self) -> Tensor:
        """Return ê·B [K, D]."""
        return F.normalize(self.table, dim=1) @ self.project_out

    def lookup(self, residual: Tensor) -> Tensor:
        """Return p [B, lookup_dim] of ``residual`` [B, D]."""
        return F.normalize(residual @ self.project_in, dim=1)

    @torch.no_grad()
    def nearest(self, residual: Tensor) -> Tensor:
        """Return the index of the codeword with the greatest cosine in the lookup space: [B, D] → int64 [B]."""
        return (self.lookup(residual) @ F.normalize(self.table, dim=1).t()).argmax(dim=1)

    def loss(self, residual: Tensor, chosen: Tensor, commitment: float) -> Tensor:
        """Return the common loss plus the same for p and ê, which trains table and projection."""
        looked_up = self.lookup(residual)
        entry = F.embedding(chosen, F.normalize(self.table, dim=1))
        return super().loss(residual, chosen, commitment) + mutual_error(looked_up, entry, commitment)

    @torch.no_grad()
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Point the entries at ``rows`` [R] in the direction of ``codewords`` [R, D], ignoring their lengths."""
        self.table[rows] = self.lookup(codewords)

    @torch.no_grad()
    def initialise(self, residual: Tensor, *, iterations: int, generator: torch.Generator) -> None:
        """Project onto the principal axes of ``residual`` [N, D], set the entries by k-means of the directions there,
        and scale the back-projection so that codewords are as long as residuals.
        """
        axes = torch.linalg.eigh((residual.t() @ residual).double())[1].flip(1)[:, : self.table.shape[1]]
        self.project_in.copy_(axes)
        self.table.copy_(kmeans(self.lookup(residual), self.n_codewords, iterations=iterations, generator=generator))
        along = (residual @ self.project_in).norm(dim=1).mean()
        self.project_out.copy_(along * self.project_in.t())

    def passed(self, residual: Tensor, chosen: Tensor, codeword: Tensor) -> Tensor:
        """Return ê·B, straight-through in the lookup space: ê passes its gradient to p, so that the reconstruction
        trains both projections.
        """
        entry = F.embedding(chosen, F.normalize(self.table, dim=1))
        return straight_through(self.lookup(residual), entry) @ self.project_out
