"""Collision loads of a batch and the strengthening they cause (AdaSID §4.3.1, Eq. 9 and 10)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.distributed.world import world
from recbole_adasid.tokenizer.regulation.overlap import Overlaps, depths_of_signatures

REGIONS = ("signature", "codes")
REFERENCES = ("batch", "largest", "depth")


class Loads(NamedTuple):
    """Regions of Semantic IDs and how many ordered pairs of P lie in each."""

    region: Tensor
    """int64 [P], the region of each pair of this rank."""
    load: Tensor
    """float32 [R], c of each region, from the pairs of all ranks."""
    depth: Tensor
    """int64 [R], how many levels agree in each region."""


def find_loads(pairs: Overlaps, codes: Tensor, kind: str) -> Loads:
    """Return the loads of ``pairs`` among items of ``codes`` int64 [U, L].

    Args:
        pairs: P.
        codes: of the batch's different items.
        kind: ``signature``: pairs that agree on the same levels form one region, as printed in Eq. 9; ``codes``: they
        must also agree on the same codes there, so that a code that everything uses and one that two items share
        are told apart.
    """
    n_items, n_levels = codes.shape
    depth = depths_of_signatures(n_levels, codes.device)
    if kind == "signature":
        region = pairs.signature
    else:
        region = _equal_codes(codes)[pairs.signature, pairs.first] + pairs.signature * n_items
        depth = depth.repeat_interleave(n_items)
    own = torch.zeros(len(depth), device=codes.device).index_add_(0, region, pairs.times)
    return Loads(region, 2 * world().all_reduce_sum(own), depth)


def saturation(loads: Loads, share: float, reference: str, n_draws: int) -> Tensor:
    """Return d_max, in ordered pairs: a scalar, or of each region [R]; at least 1.

    Args:
        loads: of the batch.
        share: d_max as a share of the reference, in (0, 1].
        reference: ``batch``: the M(M − 1) ordered pairs of M draws; ``largest``: the largest load in the batch;
        ``depth``: the largest at the same depth, since few pairs agree on many levels.
        n_draws: M.
    """
    if reference == "batch":
        return torch.tensor(max(1.0, share * n_draws * (n_draws - 1)))
    if reference == "largest":
        return (share * loads.load.max()).clamp_min(1.0)
    greatest = loads.load.new_zeros(int(loads.depth.max()) + 1).scatter_reduce_(0, loads.depth, loads.load, "amax")
    return (share * greatest).clamp_min(1.0).index_select(0, loads.depth)


def _equal_codes(codes: Tensor) -> Tensor:
    """Return int64 [2^L, U]: for each signature, a group number below U for items with the same codes at its levels."""
    groups = [torch.zeros_like(codes[:, 0])]
    size = int(codes.max()) + 1
    for level in range(codes.shape[1]):
        groups += [(group * size + codes[:, level]).unique(return_inverse=True)[1] for group in groups]
    return torch.stack(groups)
