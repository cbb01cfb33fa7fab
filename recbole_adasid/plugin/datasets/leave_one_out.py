"""Leave-one-out splits without a Python loop over examples, in RecBole's order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.ordering import stable_order

LEFT_OUT = {"valid_and_test": ("valid", "test"), "valid_only": ("valid",), "test_only": ("test",)}
"""Which parts get a user's last examples, one each, in time order."""


def rows_of_parts(groups: NDArray[np.int64], left_out: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of train, valid and test: the last row of a group goes to the last part ``left_out``, and so on.

    A group's first row is always trained on.

    Args:
        groups: int64 [E], the group of each row, rows in time order.
        left_out: one of the values of :data:`LEFT_OUT`.
    """
    order, to_last, group_size = _grouped(groups)
    n_left_out = np.minimum(len(left_out), group_size - 1)
    rows = {"train": order[to_last >= n_left_out], "valid": order[:0], "test": order[:0]}
    for distance, part in enumerate(reversed(left_out)):
        rows[part] = order[(to_last == distance) & (distance < n_left_out)]
    return rows


def _grouped(groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows ordered by group, the first row's group first; each row's distance from its group's last row;
    and the size of its group: [E] each.
    """
    by_group = stable_order(groups)
    sorted_groups = groups[by_group]
    starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]][: len(groups)])
    sizes = np.diff(starts, append=len(groups))
    chosen = stable_order(by_group[starts])  # the groups, the first row's group first
    starts, sizes = starts[chosen], sizes[chosen]
    ends = np.cumsum(sizes)
    place = np.arange(len(groups))
    order = by_group[np.repeat(starts - ends + sizes, sizes) + place]
    return order, np.repeat(ends, sizes) - 1 - place, np.repeat(sizes, sizes)
