"""All pairs of equal values, found by sorting: cost grows with the number of such pairs, not with all pairs."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def equal_pairs(values: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return every i < j with ``values[i] == values[j]``: int64 [M] → two int64 [pairs].

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
