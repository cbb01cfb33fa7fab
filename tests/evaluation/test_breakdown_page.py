from __future__ import annotations

import numpy as np

from recbole_adasid.evaluation.breakdown import COLD, WARM, breakdown
from recbole_adasid.evaluation.breakdown_page import EXPLANATION, render

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


def test_the_page_is_this_one_to_the_letter() -> None:
    found = {
        "users": 1234,
        "items": {"recall@5": 0.5},
        "semantic_ids": {"recall@5": 0.75},
        "shared_semantic_ids": {"recall@5": {"optimistic": 0.7, "expected": 0.6, "pessimistic": 0.4}},
        "slices": {
            COLD: {"users": 0.0, "recall@5": float("nan")},
            WARM: {"users": 1234.0, "recall@5": 0.5},
        },
        "intervals": {COLD: {}, WARM: {"recall@5": (0.25, 0.625)}},
        "prefix_recall": [1.0, 0.75],
        "rates": {"missing": 0.25, "duplicate": 0.0},
    }
    head, _, rest = render(found, "Test").partition(EXPLANATION)
    assert head == "# Test\n\n1,234 users, one held-out item each.\n\n"
    assert (
        rest
        == """

| metric | items | Semantic IDs | optimistic | expected | pessimistic |
| --- | --- | --- | --- | --- | --- |
| recall@5 | 0.5000 | 0.7500 | 0.7000 | 0.6000 | 0.4000 |

## By the held-out item

| held-out item | users | recall@5 |
| --- | --- | --- |
| cold: no training interaction | 0 | - |
| warm: one or more | 1,234 | 0.5000 |

## Items that were never trained on

| metric | cold, 0 users | 95% interval | warm, 1,234 users | 95% interval |
| --- | --- | --- | --- | --- |
| recall@5 | - | - | 0.5000 | 0.2500 to 0.6250 |

## Where the beam lost the item

Share of users who were recommended an item with the held-out one's first codes.

| codes | users |
| --- | --- |
| 1 | 1.0000 |
| 2 | 0.7500 |

Users with such recommendations: missing 0.2500, duplicate 0.0000.
"""
    )


def test_intervals_stand_beside_the_part_that_they_are_of() -> None:
    found = breakdown(RECORD, np.array([0, 2, 2, 1]), np.array([0, 0, 9, 20]), ["recall@5"])
    found["intervals"] = {COLD: {"recall@5": (0.1, 0.2)}, WARM: {"recall@5": (0.3, 0.4)}}
    assert "| recall@5 | 1.0000 | 0.1000 to 0.2000 | 0.3333 | 0.3000 to 0.4000 |" in render(found, "Test")


def test_the_page_of_items_without_semantic_ids_says_nothing_of_them() -> None:
    page = render(breakdown(RECORD, None, np.array([0, 3, 9, 20]), ["recall@5"]), "Test")
    assert page.startswith(
        "# Test\n\n4 users, one held-out item each.\n\n"
        "| metric | items |\n| --- | --- |\n| recall@5 | 0.5000 |\n\n## By the held-out item\n"
    )
    assert "Semantic ID" not in page and "beam" not in page
    assert page.endswith("| recall@5 | - | - | 0.5000 | 0.0000 to 1.0000 |\n")


def test_the_page_of_users_with_several_held_out_items_says_so() -> None:
    found = breakdown({**RECORD, "user": np.array([1, 1, 1, 2])}, np.array([0, 2, 2, 1]), np.array([0, 3, 9, 20]))
    page = render(found, "Test")
    assert page.startswith("# Test\n\n4 interactions of 2 users. Metrics are means over interactions, ")
    assert "one held-out item each" not in page and "| codes | interactions |" in page
    assert "Share of interactions for which" in page and "Interactions with such recommendations: missing" in page
    assert "warm, 2 users" in page


def test_the_page_of_sampled_items_names_the_mode_and_blames_no_beam() -> None:
    found = breakdown(RECORD, np.array([0, 2, 2, 1]), np.array([0, 3, 9, 20]), ["recall@5"])
    page = render(found, "Test", sampled="uni20", beam=False)
    assert "among a few sampled items only (uni20)" in page and "figure to quote" not in page
    assert "## How close the lists come" in page and "beam" not in page
