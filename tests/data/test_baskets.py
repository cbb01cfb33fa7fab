"""Users in blocks, and counts that are added up."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.baskets import Baskets, add_counts, user_blocks


def test_blocks_of_users_hold_so_many_items() -> None:
    starts = np.r_[0, np.cumsum([3, 3, 9, 1, 1, 1, 0, 5])]
    blocks = [(block.start, block.stop) for block in user_blocks(starts, 6)]
    assert blocks == [(0, 2), (2, 3), (3, 7), (7, 8)]
    assert list(user_blocks(np.array([0]), 6)) == []


@pytest.mark.parametrize("n_items", [9, 100_000])
def test_counts_are_added_however_many_numbers_there_are(n_items: int) -> None:
    values = np.random.default_rng(0).integers(9, size=50).astype(np.int32)
    counts = np.ones(n_items, dtype=np.int64)
    add_counts(counts, values)
    assert counts[:9].tolist() == [1 + values.tolist().count(value) for value in range(9)] and (counts[9:] == 1).all()


def test_the_most_users_of_an_item_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recbole_adasid.data.baskets._COUNTED_AT_ONCE", 3)
    items = np.array([0, 2, 1, 2, 0, 2, 2], dtype=np.int32)
    assert Baskets(0, np.array([0, 7]), items).most_users(3) == 4
    assert Baskets(0, np.array([0]), items[:0]).most_users(3) == 0
