"""Overlaps in a batch, from AdaSID: depth o (§3.1), pairs P (Eq. 2), their cosines (Eq. 5) and signature κ (Eq. 8)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world

AGREEMENTS = ("positions", "prefix")
MAX_LEVELS = 8
"""A signature fits in one byte, so a Semantic ID has at most eight levels."""
_PAIRS_AT_ONCE = 4096
"""Vectors of this many pairs fit in the processor's cache, so they are not read from memory again."""


class Overlaps(NamedTuple):
    """The candidate pairs P of a batch, each unordered pair of items once (i < j); each rank holds a part of them."""

    first: Tensor
    """int64 [P], row i."""
    second: Tensor
    """int64 [P], row j."""
    signature: Tensor
    """int64 [P], κ_ij read as a binary number: bit l is set if level l agrees."""
    depth: Tensor
    """int64 [P], o_ij, the number of levels that agree."""
    times: Tensor
    """float32 [P], number of unordered pairs of draws that it represents."""
    total: float
    """Their total over all ranks."""


@torch.no_grad()
def find_overlaps(codes: Tensor, counts: Tensor, agreement: str = "positions") -> Overlaps:
    """Return every pair of different items that agrees on at least one level.

    Eq. 2 counts ordered pairs of draws; all quantities are symmetric and equal for all draws of an item, so each pair
    of items is kept once, with its number of draws. Rows are grouped by code level by level, so the cost grows with
    the overlapping pairs and not with U².

    Args:
        codes: int64 [U, L] of different items, with L ≤ 8, below 65,536.
        counts: float32 [U], how often each item was drawn.
        agreement: which levels count: ``positions``, all that agree, as in Eq. 2; ``prefix``, only those before the
        first that differs, since a code means little after another prefix.

    Raises:
        ValueError: if a Semantic ID has more than :data:`MAX_LEVELS` levels.
    """
    n_levels = codes.shape[1]
    if n_levels > MAX_LEVELS:
        raise ValueError(f"a regulation handles at most {MAX_LEVELS} levels, got {n_levels}: lower sid_length")
    words, places = _packed(codes), world().part(torch.arange(len(codes), device=codes.device))
    found = []
    columns = codes[:, :1] if agreement == "prefix" else codes
    for level, column in enumerate(columns.t().contiguous()):
        first, second = _equal_pairs(column, places)
        equal = _equal_levels(words, first, second)
        found_before = (1 << level) - 1
        new = ((equal & found_before) == 0).nonzero().squeeze(1)
        found.append(tuple(values.index_select(0, new) for values in (first, second, equal)))
    first, second, equal = (torch.cat(parts) for parts in zip(*found))
    signature = equal & (2**n_levels - 1)
    if agreement == "prefix":
        signature = signature & ~(signature + 1)  # the ones before the lowest zero
    depth_of = depths_of_signatures(n_levels, codes.device)
    times = counts.index_select(0, first) * counts.index_select(0, second)
    total = float(world().all_reduce_sum(times.sum()))
    return Overlaps(first, second, signature, depth_of.index_select(0, signature), times, total)


@torch.no_grad()
def pair_similarity(direction: Tensor, pairs: Overlaps) -> Tensor:
    """Return the products [P] of unit vectors ``direction`` [M, D] for each pair, their cosines (Eq. 5).

    Writing the matrix of all M² cosines, of which few are needed, would cost more than computing these.
    """
    parts = zip(pairs.first.split(_PAIRS_AT_ONCE), pairs.second.split(_PAIRS_AT_ONCE))
    products = [torch.linalg.vecdot(direction.index_select(0, i), direction.index_select(0, j)) for i, j in parts]
    return torch.cat(products)


def depths_of_signatures(n_levels: int, device: torch.device) -> Tensor:
    """Return int64 [2^L], how many levels agree in each signature."""
    return torch.tensor([bin(signature).count("1") for signature in range(2**n_levels)], device=device)


def sums_by_depth(pairs: Overlaps, values: Mapping[str, Tensor], n_levels: int) -> dict[str, Tensor]:
    """Return the sums [L] of each of ``values`` [P] over pairs of depth 1 … L on all ranks, by name."""
    own = torch.stack(list(values.values())).float()
    sums = own.new_zeros(len(own), n_levels + 1).index_add_(1, pairs.depth, own)
    return dict(zip(values, world().all_reduce_sum(sums)[:, 1:]))


def overlap_rate(pairs: Overlaps, n_draws: int) -> dict[str, float]:
    """Return the share of all pairs of M draws that are in P."""
    return {"overlap_rate": 2 * pairs.total / max(1, n_draws * (n_draws - 1))}


def means_over(pairs: Overlaps, values: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the mean over P of each of ``values`` [P], by name; zeros if P is empty."""
    share = pairs.times / max(1.0, pairs.total)
    means = world().all_reduce_sum(torch.stack([value.float() @ share for value in values.values()]))
    return dict(zip(values, means.tolist()))


@torch.no_grad()
def _equal_pairs(values: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return every i < j with ``values[i] == values[j]``: int64 [M] → two int64 [pairs].

    They are found by sorting: cost grows with the number of such pairs, not with all pairs.

    Args:
        values: to be compared.
        places: int64, positions 0 … M − 1 in sorted order: returns the pairs whose first value is at one of them.
        All positions give every pair once, and so does any partition of them.
    """
    ordered, order = values.sort(stable=True)
    _, group_sizes = ordered.unique_consecutive(return_counts=True)
    group_end = group_sizes.cumsum(0).repeat_interleave(group_sizes)
    n_later = group_end.index_select(0, places) - places - 1  # members of the group after each
    run_start = n_later.cumsum(0) - n_later
    # The r-th pair belongs to a place whose run of partners starts right after it.
    second = torch.arange(int(n_later.sum()), device=values.device)
    second += (places + 1 - run_start).repeat_interleave(n_later)
    return order.index_select(0, places).repeat_interleave(n_later), order.index_select(0, second)


def _packed(codes: Tensor) -> Tensor:
    """Pack codes [U, L] below 65,536 into int64 [⌈L / 4⌉, U]: four per word, zero-padded."""
    padded = F.pad(codes, (0, -codes.shape[1] % 4)).to(torch.int16)
    return padded.view(torch.int64).t().contiguous()


def _equal_levels(words: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return int64 [P]: bit c is set if the packed numbers c of rows ``first`` and ``second`` match."""
    parts = []
    for place, word in enumerate(words):
        difference = word.index_select(0, first).bitwise_xor_(word.index_select(0, second))
        equal = (difference.view(torch.int16) == 0).view(torch.int32)  # four bytes of 0 or 1
        # This product gathers the lowest bits of the four bytes from bit 24 on.
        parts.append(((equal * 0x01020408 >> 24) & 0b1111).long() << 4 * place)
    return reduce(torch.bitwise_or, parts)
