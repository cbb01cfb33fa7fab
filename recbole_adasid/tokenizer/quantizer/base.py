"""Interface of one level of a residual quantizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_adasid.settings.rules import Rule
from recbole_adasid.tokenizer.clustering.kmeans import kmeans
from recbole_adasid.tokenizer.losses import squared_error
from recbole_adasid.tokenizer.nearest import nearest_codeword


def mutual_error(vectors: Tensor, codewords: Tensor, commitment: float) -> Tensor:
    """Return ‖sg(v) − c‖² + β‖v − sg(c)‖² of each row of [B, D], averaged over columns → [B]."""
    error = squared_error(codewords, vectors.detach())
    return error + commitment * squared_error(vectors, codewords.detach())


class LevelQuantizer(nn.Module, ABC):
    """One codebook of a residual quantizer.

    A subclass defines its codewords, the lookup, and how gradients flow from a quantised vector back to its input.

    Args:
        n_codewords: K, the number of codewords.
        dim: D, the width of a codeword.
        level: which level this is, from 0.
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {}
    """Settings that the constructor takes in addition to these three, by name."""
    revivable: ClassVar[bool] = True
    """Whether a single codeword can be moved."""
    CODEWORDS: ClassVar[str] = "codewords"
    """Name of the parameter with one row per codeword, whose optimizer moments are reset when a codeword is revived;
    without one of this name, every parameter with K rows counts."""
    EDITION: ClassVar[int] = 0
    """Raised when the same settings give other codewords than before: part of the fingerprint if not 0."""

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError for settings that a new tokenizer must not have; saved ones may still have them."""

    def __init__(self, *, n_codewords: int, dim: int, level: int = 0) -> None:
        super().__init__()
        self.n_codewords = n_codewords
        self.dim = dim
        self.level = level

    @abstractmethod
    def codebook(self) -> Tensor:
        """Return the codewords [K, D], differentiable with respect to what is trained."""

    @abstractmethod
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Replace the codewords at ``rows`` [R] with ``codewords`` [R, D] (initialisation, revival)."""

    @torch.no_grad()
    def initialise(self, residual: Tensor, *, iterations: int, generator: torch.Generator) -> None:
        """Fit the codewords to the residuals [N, D] that this level will see: k-means by default."""
        centroids = kmeans(residual, self.n_codewords, iterations=iterations, generator=generator)
        self.set_codewords(torch.arange(self.n_codewords), centroids)

    def nearest(self, residual: Tensor) -> Tensor:
        """Return the index of the codeword nearest to each residual: [B, D] → int64 [B] (Euclidean)."""
        return nearest_codeword(residual, self.codebook())

    def loss(self, residual: Tensor, chosen: Tensor, commitment: float) -> Tensor:
        """Return ‖sg(r) − q‖² + β‖r − sg(q)‖², averaged over columns: [B] of residuals [B, D] and codes int64 [B]."""
        return mutual_error(residual, F.embedding(chosen, self.codebook()), commitment)

    def passed(self, residual: Tensor, chosen: Tensor, codeword: Tensor) -> Tensor | None:
        """Return ``codeword`` [B, D] in value, with this level's own gradient towards ``residual`` [B, D].

        None, the default, stands for the straight-through estimator: ẑ copies its gradient to z, once for all levels,
        as RQ-VAE does.
        """
        return None
