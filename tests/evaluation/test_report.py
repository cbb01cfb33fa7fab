from __future__ import annotations

import numpy as np

from recbole_adasid.evaluation.breakdown import breakdown
from recbole_adasid.evaluation.report import render

RECORD = {
    "user": np.arange(4),
    "item": np.array([1, 2, 3, 3]),
    "rank": np.array([1, 0, 2, 0]),
    "sid_rank": np.array([1, 1, 2, 0]),
    "sid_start": np.array([1, 1, 2, 0]),
    "shared_prefix": np.array([2, 2, 2, 1]),
    "missing": np.array([0, 0, 1, 0]),
}


def test_the_page_shows_every_figure_of_the_breakdown() -> None:
    found = breakdown(RECORD, np.array([0, 2, 2, 1]), np.array([0, 3, 9, 20]), ["recall@5", "mrr@5"])
    page = render(found, "Test of adasid on toys")
    assert page.startswith("# Test of adasid on toys\n\n4 users")
    assert "| recall@5 | 0.5000 | 0.7500 | 0.7500 | 0.7500 | 0.7500 |" in page
    assert "| mrr@5 | 0.3750 | 0.6250 |" in page
    assert "| Semantic ID shared by 2 | 2 | 0.5000 |" in page
    assert "| cold: no training interaction | 0 | - | - |" in page
    assert "| 1 | 1.0000 |\n| 2 | 0.7500 |" in page
    assert "missing 0.2500, duplicate 0.0000, invalid 0.0000" in page
