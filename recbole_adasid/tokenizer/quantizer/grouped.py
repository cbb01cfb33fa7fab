"""Grouped residual quantisation (GRVQ; HiFi-Codec, arXiv 2305.02765) with one token per level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.settings.rules import Rule, whole
from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.quantizer.base import mutual_error
from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer


class GroupedQuantizer(StraightThroughQuantizer):
    """A codebook for one group of the latent's columns; levels cycle through the groups.

    HiFi-Codec quantises each group on every level, giving G tokens per level. A Semantic ID has one token per level, so
    level l quantises group l mod G and leaves the other columns of the residual to later levels: with L = 3 and G = 2,
    the first group gets two tokens and the second one.

    Args:
        n_codewords, dim, level: see :class:`LevelQuantizer`.
        quantizer_groups: G, at most ``dim`` and, for every group to have a level, L (the paper has 2).
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {"quantizer_groups": whole(1, 2**16)}

    def __init__(self, *, n_codewords: int, dim: int, level: int = 0, quantizer_groups: int = 2) -> None:
        if not 1 <= quantizer_groups <= dim:
            raise ValueError(f"quantizer_groups must lie between 1 and code_dim, {dim}, got {quantizer_groups}")
        bounds = [dim * group // quantizer_groups for group in range(quantizer_groups + 1)]
        group = level % quantizer_groups
        self.columns = slice(bounds[group], bounds[group + 1])
        super().__init__(n_codewords=n_codewords, dim=dim, level=level)
        self._pad = (self.columns.start, dim - self.columns.stop)
        self.codewords = torch.nn.Parameter(self.codewords[:, self.columns].detach().clone())

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Refuse more groups than levels.

        Raises:
            ValueError: because a group without a level is never coded.
        """
        groups, length = settings["quantizer_groups"], settings["sid_length"]
        if groups > length:
            raise ValueError(
                f"quantizer_groups must lie between 1 and sid_length, {length}, so that every group has a level, got "
                f"{groups}"
            )

    def codebook(self) -> Tensor:
        """Return the codewords [K, D], zero outside the group's columns."""
        return F.pad(self.codewords, self._pad)

    def nearest(self, residual: Tensor) -> Tensor:
        """Return the nearest codeword within the group's columns: [B, D] → int64 [B]."""
        return nearest_codeword(residual[:, self.columns], self.codewords)

    def loss(self, residual: Tensor, chosen: Tensor, commitment: float) -> Tensor:
        """Return the loss over the group's columns only."""
        return mutual_error(residual[:, self.columns], F.embedding(chosen, self.codewords), commitment)

    @torch.no_grad()
    def set_codewords(self, rows: Tensor, codewords: Tensor) -> None:
        """Replace the group's columns of the codewords at ``rows`` [R] with those of ``codewords`` [R, D]."""
        super().set_codewords(rows, codewords[:, self.columns])

    @torch.no_grad()
    def initialise(self, residual: Tensor, *, iterations: int, generator: torch.Generator) -> None:
        """Set the codewords by k-means of the group's columns of ``residual`` [N, D]."""
        outside = torch.zeros_like(residual)
        outside[:, self.columns] = residual[:, self.columns]
        super().initialise(outside, iterations=iterations, generator=generator)
