"""All pairs of equal values, found by sorting: the work grows with the pairs there are, not with all that could be."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def equal_pairs(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return every i < j with ``values[i] == values[j]``: int64 [M] → two int64 [pairs]."""
    ordered, order = values.sort(stable=True)
    _, group_sizes = ordered.unique_consecutive(return_counts=True)
    group_end = group_sizes.cumsum(0).repeat_interleave(group_sizes)
    place = torch.arange(len(values), device=values.device)
    n_later = group_end - place - 1  # members of the group behind each
    first = place.repeat_interleave(n_later)
    run_start = n_later.cumsum(0) - n_later
    # The r-th pair belongs to place `first`, whose run of partners starts with the place behind it.
    second = torch.arange(len(first), device=values.device) + (place + 1 - run_start).index_select(0, first)
    return order.index_select(0, first), order.index_select(0, second)
