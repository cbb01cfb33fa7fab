from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from recbole_adasid.data.item_categories import Categories
from recbole_adasid.report.content.categories import agreement_by_prefix


def test_agreement_is_the_literal_share_of_pairs_of_one_category() -> None:
    random = np.random.default_rng(1)
    codes = np.column_stack([random.integers(3, size=30), random.integers(3, size=30), np.arange(30)])
    texts = [("a", "b", "")[number] for number in random.integers(3, size=30)]
    found = agreement_by_prefix(codes, Categories(texts))
    for length in range(3):
        pairs = [
            texts[i] == texts[j]
            for i, j in combinations(range(30), 2)
            if texts[i] and texts[j] and codes[i, :length].tolist() == codes[j, :length].tolist()
        ]
        assert found[length] == pytest.approx(sum(pairs) / len(pairs))
    assert len(found) == 4 and found[3] is None
    assert agreement_by_prefix(codes, Categories([""] * 30)) == [None] * 4
