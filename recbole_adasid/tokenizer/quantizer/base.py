"""What one level of a residual quantizer has to answer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from recbole_adasid.tokenizer.nearest import nearest_codeword


class LevelQuantizer(nn.Module, ABC):
    """One codebook of a residual quantizer.

    A subclass says what its codewords are, how they are looked up, and how a gradient travels from a quantised
    vector back to the vector it came from.

    Args:
        n_codewords: K, the number of codewords.
        dim: D, the width of a codeword.
    """

    def __init__(self, *, n_codewords: int, dim: int) -> None:
        super().__init__()
        self.n_codewords = n_codewords
        self.dim = dim

    @abstractmethod
    def codebook(self) -> Tensor:
        """Return the codewords [K, D], differentiable with respect to what is trained."""

    @abstractmethod
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Replace the codewords at ``rows`` [R] by ``codewords`` [R, D] (initialisation, revival)."""

    def nearest(self, residual: Tensor) -> Tensor:
        """Return the index of the codeword nearest to each residual: [B, D] → int64 [B] (Euclidean)."""
        return nearest_codeword(residual, self.codebook())

    @staticmethod
    @abstractmethod
    def estimate(latent: Tensor, quantized: Tensor) -> Tensor:
        """Return ``quantized`` [B, D] in value, with this quantizer's gradient towards ``latent`` [B, D]."""
