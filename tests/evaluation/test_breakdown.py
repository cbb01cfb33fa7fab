from __future__ import annotations

import math

import numpy as np
import pytest

from recbole_adasid.evaluation.breakdown import COLD, WARM, breakdown, prefix_recall, within_groups
from recbole_adasid.evaluation.metric_intervals import bootstrap_intervals


def test_places_within_a_group_by_literal_enumeration() -> None:
    random = np.random.default_rng(0)
    begins, sizes = random.integers(0, 13, size=200), random.integers(1, 16, size=200)

    def gain(rank: int) -> float:
        return 1 / math.log2(rank + 1) if 0 < rank <= 10 else 0.0

    best, mean, worst = [], [], []
    for begin, size in zip(begins.tolist(), sizes.tolist()):
        places = [gain(begin + j) if begin else 0.0 for j in range(size)]
        best.append(places[0])
        mean.append(sum(places) / size)
        worst.append(places[-1])
    found = within_groups(begins, sizes, "ndcg@10")
    assert found == pytest.approx(
        {"optimistic": np.mean(best), "expected": np.mean(mean), "pessimistic": np.mean(worst)}
    )
    assert found["pessimistic"] < found["expected"] < found["optimistic"]


def test_a_group_of_any_size_takes_no_longer_than_a_list() -> None:
    found = within_groups(np.array([9]), np.array([10**9]), "recall@10")
    assert found == {"optimistic": 1.0, "expected": pytest.approx(2e-9), "pessimistic": 0.0}


def test_prefix_recall_counts_users_by_the_longest_prefix_found() -> None:
    assert prefix_recall(np.array([0, 1, 3, 3])) == [0.75, 0.5, 0.5]
    assert prefix_recall(np.array([0, 0])) == prefix_recall(np.zeros(0, dtype=np.int64)) == []


def record_of(items: list[int], rank: list[int]) -> dict[str, np.ndarray]:
    names = ("rank", "sid_rank", "sid_start", "shared_prefix")
    return {"user": np.arange(len(items)), "item": np.array(items), "missing": np.zeros(len(items))} | {
        name: np.array(rank) for name in names
    }


def test_thirds_of_users_by_popularity_end_with_the_counts_at_their_bounds() -> None:
    popularity = np.array([0, 0, 0, 1, 2, 3, 4, 5, 6, 7])  # of the seven that were seen, a third is up to 3
    record = record_of(list(range(1, 10)), [0, 0, 1, 1, 1, 0, 1, 0, 0])
    found = breakdown(record, np.ones(10, dtype=np.int64), popularity, ["recall@10"])["slices"]
    by_popularity = {name: part for name, part in found.items() if not name.startswith(("Semantic", "warm"))}
    assert by_popularity == {
        COLD: {"users": 2.0, "recall@10": 0.0},
        "rare: 1 to 3": {"users": 3.0, "recall@10": 1.0},
        "middling: to 5": {"users": 2.0, "recall@10": 0.5},
        "popular: more": {"users": 2.0, "recall@10": 0.0},
    }


def test_thirds_are_named_after_counts_that_they_hold() -> None:
    counts = [1, 5, 6, 7, 8, 9]  # a third of the way lies between 5 and 6, two thirds between 7 and 8
    record = record_of([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1])
    slices = breakdown(record, None, np.array([0, *counts]))["slices"]
    names = [(name, part["users"]) for name, part in slices.items() if name not in (COLD, WARM)]
    assert names == [("rare: 1 to 5", 2), ("middling: to 7", 2), ("popular: more", 2)]


def test_items_that_were_never_seen_are_in_no_third() -> None:
    found = breakdown(record_of([1, 2], [1, 0]), np.array([0, 3, 3]), np.zeros(3, dtype=np.int64))["slices"]
    assert {name: part["users"] for name, part in found.items()} == {
        "Semantic ID of its own": 0,
        "Semantic ID shared by 2": 0,
        "Semantic ID shared by 3 or more": 2,
        COLD: 2,
        WARM: 0,
        "rare: 1 to 0": 0,
        "middling: to 0": 0,
        "popular: more": 0,
    }


def test_slices_split_users_by_the_item_held_out_for_them() -> None:
    record = {
        "user": np.arange(5),
        "item": np.array([1, 2, 3, 4, 5]),
        "rank": np.array([1, 0, 1, 0, 1]),
        "sid_rank": np.array([1, 1, 1, 0, 1]),
        "sid_start": np.array([1, 1, 1, 0, 1]),
        "shared_prefix": np.array([3, 3, 3, 1, 3]),
        "missing": np.array([0, 0, 1, 0, 0]),
    }
    found = breakdown(record, np.array([0, 1, 2, 2, 4, 1]), np.array([0, 0, 1, 5, 20, 0]))
    assert found["items"]["recall@10"] == 0.6 and found["semantic_ids"]["recall@10"] == 0.8
    slices = found["slices"]
    assert slices["Semantic ID of its own"] == {"users": 2, "recall@10": 1.0, "ndcg@10": 1.0}
    assert slices["Semantic ID shared by 2"]["recall@10"] == 0.5
    assert slices["Semantic ID shared by 3 or more"]["users"] == 1
    assert slices[COLD] == {"users": 2, "recall@10": 1.0, "ndcg@10": 1.0}
    assert found["intervals"][COLD] == {"recall@10": (1.0, 1.0), "ndcg@10": (1.0, 1.0)}
    assert found["intervals"][WARM] == bootstrap_intervals(np.array([0, 1, 0]), ["recall@10", "ndcg@10"])
    assert slices[WARM]["users"] == 3 and slices[WARM]["recall@10"] == pytest.approx(1 / 3)
    by_popularity = [name for name in slices if not name.startswith("Semantic") and name != WARM]
    assert sum(slices[name]["users"] for name in by_popularity) == 5
    assert found["rates"]["missing"] == 0.2


def test_thirds_of_popularity_end_with_the_items_that_stand_on_their_bounds() -> None:
    """Counts 1, 2, 3, 4, 5, 6, 7 have their thirds at 3 and 5: who stands there belongs to the lower slice."""
    counts = np.arange(8)
    users = np.arange(1, 8)
    record = {name: np.ones(7, dtype=np.int64) for name in ("rank", "sid_rank", "sid_start", "shared_prefix")}
    record |= {"user": users, "item": users, "missing": np.zeros(7, dtype=np.int64)}
    slices = breakdown(record, np.ones(8, dtype=np.int64), counts)["slices"]
    assert {name: slices[name]["users"] for name in list(slices)[-3:]} == {
        "rare: 1 to 3": 3,
        "middling: to 5": 2,
        "popular: more": 2,
    }
    same = breakdown(record, np.ones(8, dtype=np.int64), np.r_[0, np.full(7, 4)])["slices"]
    assert same["rare: 1 to 4"]["users"] == 7 and same["popular: more"]["users"] == 0


def test_items_without_semantic_ids_are_told_of_by_everything_else() -> None:
    record, popularity = record_of([1, 2, 3], [1, 0, 2]), np.array([0, 0, 3, 9])
    found, whole = breakdown(record, None, popularity), breakdown(record, np.ones(4, dtype=np.int64), popularity)
    assert list(found) == ["users", "interactions", "items", "slices", "intervals", "rates"]
    assert list(found["slices"]) == [name for name in whole["slices"] if not name.startswith("Semantic ID")]
    assert all(found[name] == whole[name] for name in ("users", "items", "intervals", "rates"))


def test_a_user_with_several_held_out_items_is_counted_once_and_drawn_with_all_of_them() -> None:
    record = record_of([1, 2, 3, 3, 2], [1, 0, 2, 0, 1]) | {"user": np.array([7, 7, 7, 8, 9])}
    found = breakdown(record, None, np.array([0, 0, 3, 9]), ["recall@10"])
    assert found["users"] == 3 and found["interactions"] == 5 and found["items"] == {"recall@10": 0.6}
    assert found["slices"][COLD] == {"users": 1, "recall@10": 1.0}
    assert found["slices"][WARM] == {"users": 3, "recall@10": 0.5}
    ranks, users = np.random.default_rng(0).integers(2, size=90), np.repeat(np.arange(30), 3)
    record = record_of([3] * 90, ranks.tolist()) | {"user": users}
    drawn = breakdown(record, None, np.array([0, 0, 3, 9]), ["recall@10"])["intervals"][WARM]
    assert drawn == bootstrap_intervals(ranks, ["recall@10"], users=users) != bootstrap_intervals(ranks, ["recall@10"])
