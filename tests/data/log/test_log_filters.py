"""The filter in files keeps what the filter in memory keeps."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.log.log_filters import Fits, mark_core, users_of
from recbole_adasid.plugin.datasets.filters import count_core


@pytest.mark.parametrize("rows_at_once", [1, 7, 10_000])
@pytest.mark.parametrize("names", [("users", "items"), ("users",), ("items",), ()])
def test_what_is_left_is_what_the_filter_in_memory_leaves(names: tuple[str, ...], rows_at_once: int) -> None:
    rng = np.random.default_rng(0)
    users = np.sort((40 * rng.random(300) ** 2).astype(np.int64))
    items = (30 * rng.random(300) ** 2).astype(np.int32)
    fits: dict[str, Fits] = {"users": lambda n: (n >= 4) & (n < 25), "items": lambda n: n >= 6}
    chosen = {name: fits[name] for name in names}
    starts = np.searchsorted(users, np.arange(41))
    keep = np.ones(300, dtype=bool)
    mark_core(items, starts, 30, keep, chosen, rows_at_once)
    columns = {"users": users, "items": items.astype(np.int64)}
    expected, _ = count_core({name: columns[name] for name in names}, chosen)
    assert np.array_equal(keep, expected if names else np.ones(300, dtype=bool))
    assert not names or 0 < keep.sum() < 300


def test_users_of_a_part_are_told_by_where_they_begin() -> None:
    starts = np.array([0, 0, 3, 4, 4, 9])
    users = np.repeat(np.arange(5), np.diff(starts))
    for start in range(9):
        for stop in range(start + 1, 10):
            assert users_of(starts, slice(start, stop)).tolist() == users[start:stop].tolist()
