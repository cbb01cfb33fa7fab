"""Quantiles of the cosines of a batch's overlapping pairs, for thresholds relative to the batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recbole_adasid.distributed.world import world
from recbole_adasid.tokenizer.regulation.overlap import Overlaps

BINS = 4096
"""Pairs are counted in this many bins of equal angle: ranks can add up counts, but not sort each other's pairs.

Bins of equal cosine would be too coarse near 1, where all pairs may lie.
"""


@torch.no_grad()
def quantiles_by_depth(similarity: Tensor, pairs: Overlaps, shares: Tensor) -> Tensor:
    """Return the cosine [L + 1] below which a share of each depth's pairs lies, rounded up to the edge of a bin.

    Pairs count as often as they were drawn, on all ranks. Not in AdaSID's paper, whose thresholds are cosines (Eq. 6).

    Args:
        similarity: [P], cosines.
        pairs: P.
        shares: [L + 1], by depth; index 0 is unused. From a share of 1 on, the result is above every cosine.
    """
    n_depths = len(shares)
    angle = similarity.clamp(-1, 1).neg_().acos_()  # from 0 at cosine -1
    place = (angle * (BINS / math.pi)).long().clamp_(0, BINS - 1)
    own = similarity.new_zeros(n_depths * BINS).index_add_(0, pairs.depth * BINS + place, pairs.times)
    below = world().all_reduce_sum(own).view(n_depths, BINS).cumsum(1)
    wanted = shares.nan_to_num(0.0).clamp_max(1.0)[:, None] * below[:, -1:]
    bins_below = (below < wanted).sum(dim=1) + (wanted.squeeze(1) > 0)  # those that the quantile lies above
    edges = -(bins_below.double() * (math.pi / BINS)).cos().to(similarity.dtype)
    return torch.where(shares < 1, edges, torch.full_like(edges, torch.inf))
