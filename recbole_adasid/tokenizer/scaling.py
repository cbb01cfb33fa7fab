"""Centring and scaling item features before the encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbole_adasid.settings.errors import check_name

_ROWS_AT_ONCE = 65_536
SCALINGS = ("none", "centre", "standardise")


class FeatureScaler(nn.Module):
    """Shift and scale features by statistics of the training catalogue.

    Pretrained embeddings share a large mean direction. If it is kept, every pair of encoder outputs has a cosine near
    1 and a cosine threshold separates nothing; see docs/choices.md.

    Args:
        width: d, number of feature columns.
        mode: ``none``; ``centre``: subtract the column means; ``standardise``: also divide by the columns' standard
            deviations.
        blocks: width and weight of each modality's columns, for features concatenated from several. Plain
        ``standardise`` would drop the weights and let a wide modality outweigh a narrow one; with blocks,
        modalities vary in proportion to their weights, by w² d / M for each of M.

    Raises:
        ValueError: for an unknown mode, or blocks whose widths do not add up.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *, width: int, mode: str, blocks: Sequence[Sequence[float]] | None = None) -> None:
        super().__init__()
        check_name("feature_scaling", mode, SCALINGS)
        if blocks and sum(int(columns) for columns, _ in blocks) != width:
            raise ValueError(f"feature_blocks {blocks} do not add up to {width} columns")
        self.mode, self.blocks = mode, blocks
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
            lowest, highest = torch.aminmax(features, dim=0)
            # The rounded mean of equal values differs from them, and the difference would be taken for a deviation.
            self.mean.copy_(torch.where(lowest == highest, lowest, features.mean(dim=0)))
        if self.mode == "standardise":
            parts = features.split(_ROWS_AT_ONCE)  # memory may not fit a copy of all rows
            shares = [len(part) / len(features) * (part - self.mean).square().mean(dim=0) for part in parts]
            deviation = torch.stack(shares).sum(dim=0).sqrt()
            self.scale.copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))
            if self.blocks:
                self.scale.div_(torch.cat([_balance(self.width, len(self.blocks), *block) for block in self.blocks]))

    def forward(self, features: Tensor) -> Tensor:
        """Return the scaled ``features`` [B, d]."""
        return (features - self.mean).div_(self.scale)


def _balance(width: int, n_blocks: int, columns: float, weight: float) -> Tensor:
    """Return the factor for a block's standardised columns."""
    return torch.full((int(columns),), weight * (width / (n_blocks * columns)) ** 0.5)
