"""T5's relative position bias (Raffel et al. 2020, arXiv 1910.10683, section 2.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MASKED = -30000.0  # exp(MASKED) is 0; finite (also in float16), so a fully masked row gives no NaN


def relative_bucket(distance: Tensor, *, n_buckets: int, max_distance: int, bidirectional: bool) -> Tensor:
    """Map key position − query position to a bucket: exact when near, logarithmic when far, one beyond the maximum.

    Args:
        distance: int64, any shape.
        bidirectional: give keys after the query their own buckets; otherwise they share the query's.
    """
    bucket = torch.zeros_like(distance)
    if bidirectional:
        n_buckets //= 2
        bucket = (distance > 0).long() * n_buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    n_exact = n_buckets // 2
    log_ratio = torch.log(distance.clamp(min=1).float() / n_exact) / math.log(max_distance / n_exact)
    far = (n_exact + (log_ratio * (n_buckets - n_exact)).long()).clamp(max=n_buckets - 1)
    return bucket + torch.where(distance < n_exact, distance, far)


class RelativePositionBias(nn.Module):
    """One learned number for each head and bucket, added to the attention scores of every layer of a stack."""

    def __init__(
        self, *, n_heads: int, d_model: int, bidirectional: bool, n_buckets: int = 32, max_distance: int = 128
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_buckets, n_heads) * d_model**-0.5)
        self.bidirectional = bidirectional
        self.n_buckets = n_buckets
        self.max_distance = max_distance

    def forward(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        """Return the bias [1, H, Q, M] of queries at positions [Q] towards keys at positions [M]."""
        bucket = relative_bucket(
            key_positions[None, :] - query_positions[:, None],
            n_buckets=self.n_buckets,
            max_distance=self.max_distance,
            bidirectional=self.bidirectional,
        )
        return self.weight[bucket].permute(2, 0, 1)[None].contiguous()


def mask_bias(allowed: Tensor) -> Tensor:
    """Turn a mask (bool, any shape) into scores to add: 0 where allowed, ``MASKED`` elsewhere (float32)."""
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill_(~allowed, MASKED)
