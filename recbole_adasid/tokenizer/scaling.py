"""Centring and scaling of item features before the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SCALINGS = ("none", "centre", "standardise")


class FeatureScaler(nn.Module):
    """Shift and scale features by statistics of the training catalogue.

    Pretrained embeddings share one large mean direction. Left in, every pair of encoder outputs has a cosine near 1
    and a cosine threshold distinguishes nothing; see docs/choices.md.

    Args:
        width: d, number of feature columns.
        mode: ``none``; ``centre``: subtract the column means; ``standardise``: also divide by the columns' standard
            deviations.

    Raises:
        ValueError: for an unknown mode.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *, width: int, mode: str) -> None:
        super().__init__()
        if mode not in SCALINGS:
            raise ValueError(f"unknown feature_scaling {mode!r}; valid: {', '.join(SCALINGS)}")
        self.mode = mode
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    @property
    def width(self) -> int:
        """Number d of feature columns."""
        return len(self.mean)

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take the statistics of ``features`` [N, d]; constant columns keep scale 1."""
        if self.mode != "none":
            self.mean.copy_(features.mean(dim=0))
        if self.mode == "standardise":
            deviation = (features - self.mean).square().mean(dim=0).sqrt()
            self.scale.copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))

    def forward(self, features: Tensor) -> Tensor:
        """Return the scaled ``features`` [B, d]."""
        return (features - self.mean).div_(self.scale)
