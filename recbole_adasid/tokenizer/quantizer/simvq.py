"""SimVQ on every level (SimRQ): a frozen random codebook under a learned linear map (arXiv 2411.02038)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer


class SimVQQuantizer(LevelQuantizer):
    """Codewords C·W: C [K, D] Gaussian and frozen, W [D, D] trained, so each step moves all codewords at once."""

    revivable: ClassVar[bool] = False
    base: Tensor

    def __init__(self, *, n_codewords: int, dim: int, level: int = 0) -> None:
        super().__init__(n_codewords=n_codewords, dim=dim, level=level)
        self.register_buffer("base", torch.randn(n_codewords, dim))
        self.transform = nn.Parameter(torch.eye(dim))

    def codebook(self) -> Tensor:
        """Return C·W [K, D]."""
        return self.base @ self.transform

    @torch.no_grad()
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Refuse: codewords cannot be moved individually, by design.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("SimVQ's base codebook is frozen; only its linear map is trained")

    @torch.no_grad()
    def initialise(self, residual: Tensor, *, iterations: int, generator: torch.Generator) -> None:
        """Fit W to the residuals [N, D]: k-means with centroids constrained to C·W, initialised from second moments.

        The paper starts from the identity; residuals of later levels would be far too short for that.
        """
        moment = residual.t() @ residual / len(residual)
        eigenvalues, eigenvectors = torch.linalg.eigh(moment.double())
        self.transform.copy_(eigenvectors * eigenvalues.clamp_min(0).sqrt() @ eigenvectors.t())
        for _ in range(iterations):
            chosen = self.base[self.nearest(residual)].double()
            # A small ridge: with fewer codewords in use than columns the map is not determined.
            ridge = 1e-6 * len(residual) * torch.eye(self.dim, dtype=torch.float64)
            self.transform.copy_(torch.linalg.solve(chosen.t() @ chosen + ridge, chosen.t() @ residual.double()))
