"""Neighbours against a sort of all items by the definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.bundle import nearest
from recbole_adasid.bundle.nearest import nearest_rows
from recbole_adasid.model.prefix_tree import PrefixTree

SIZES = [3, 2, 4]
BOOKS = [torch.randn(size, 5, generator=torch.Generator().manual_seed(size)) for size in SIZES]


def embed(codes: torch.Tensor) -> torch.Tensor:
    return sum(book[column] for book, column in zip(BOOKS, codes.t()))  # type: ignore[return-value]


def by_sorting(codes, query, k, embedded: bool, without) -> list[tuple[int, int, float]]:
    found = []
    for row, code in enumerate(codes.tolist()):
        if row == without:
            continue
        shared = 0
        while shared < len(query) and code[shared] == query[shared]:
            shared += 1
        apart = float((embed(torch.tensor([code])) - embed(torch.tensor([query.tolist()]))).norm()) if embedded else 0.0
        found.append((-shared, apart, row))
    return [(row, -shared, apart) for shared, apart, row in sorted(found)[:k]]


@pytest.mark.parametrize("suffix", [True, False])
@pytest.mark.parametrize("embedded", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_prefix_then_distance_then_row(seed, embedded, suffix, monkeypatch) -> None:
    monkeypatch.setattr(nearest, "ROWS_AT_ONCE", 3)
    random = np.random.default_rng(seed)
    codes = np.stack([random.integers(size, size=25) for size in SIZES], axis=1)
    sequences, sizes = (np.column_stack([codes, np.arange(25)]), [*SIZES, 25]) if suffix else (codes, SIZES)
    tree = PrefixTree(torch.from_numpy(sequences), sizes)
    for query, without in ((codes[4], 4), (np.array([2, 1, 3]), None), (np.array([0, 0, 0]), None)):
        for k in (1, 7, 25, 100):
            found = nearest_rows(tree, codes, query, k, embed=embed if embedded else None, without=without)
            expected = by_sorting(codes, query, k, embedded, without)
            assert [one[:2] for one in found] == [one[:2] for one in expected]
            distances = [apart for _, _, apart in found]
            apart = [apart for _, _, apart in expected]
            assert distances == (pytest.approx(apart, abs=1e-5) if embedded else [None] * len(expected))


def test_a_single_item_has_no_neighbour() -> None:
    codes = np.array([[0, 0, 0]])
    tree = PrefixTree(torch.from_numpy(codes), SIZES)
    assert nearest_rows(tree, codes, codes[0], 3, embed=embed, without=0) == []
