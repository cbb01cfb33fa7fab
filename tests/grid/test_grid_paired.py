"""Comparisons of a grid's cells where users have several held-out items, or where there are no two users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.evaluation.metric_intervals import gains
from recbole_adasid.evaluation.significance import difference
from recbole_adasid.grid.paired_tables import have_same_test, paired_cells, paired_recommenders, paired_test
from recbole_adasid.grid.records import METRICS

NAMES = ("rqvae", "grvq")


def cell(out: Path, name: str, seed: int, users: list[int], ranks: list[int], **more: Any) -> dict[str, Any]:
    (out / "ranks").mkdir(exist_ok=True)
    np.savez(out / "ranks" / f"{name}{seed}.npz", user=np.array(users), rank=np.array(ranks))
    about = {"cell": name, "seed": seed, "ranks": f"{name}{seed}.npz", "options": [], "common": []}
    return {**about, "best_valid": {"ndcg@10": 0.1}, "test": dict.fromkeys(METRICS, 0.1), **more}


def test_a_user_with_several_held_out_items_counts_once_in_the_error(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(12), 5)
    ours, theirs = random.integers(0, 9, 60), random.integers(0, 9, 60)
    mixed = random.permutation(60)  # the order of rows in a file says nothing
    runs = [cell(tmp_path, "adasid", 1, users[mixed].tolist(), ours[mixed].tolist())]
    others = [cell(tmp_path, "rqvae", 1, users.tolist(), theirs.tolist())]
    told, p = paired_cells(tmp_path, runs, others, "recall@5")
    a, b = gains(ours, "recall@5")[None], gains(theirs, "recall@5")[None]
    found, as_single = difference(a, b, users=users), difference(a, b)
    assert p == pytest.approx(found.p) != pytest.approx(as_single.p)
    interval = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    assert told == [f"{a.mean():.4f}", f"{b.mean():.4f}", interval]


def test_runs_of_other_numbers_of_items_are_not_paired(tmp_path: Path) -> None:
    ours = [cell(tmp_path, "adasid", 1, [1, 1, 2], [1, 0, 2])]
    theirs = [cell(tmp_path, "rqvae", 1, [1, 2, 2], [1, 0, 2])]
    assert not have_same_test(tmp_path, [*ours, *theirs]) and have_same_test(tmp_path, [*ours, *ours])


def test_the_order_of_a_users_items_makes_no_difference_but_the_items_do(tmp_path: Path) -> None:
    for name, users, items in (("a", [1, 1, 2], [7, 8, 9]), ("b", [2, 1, 1], [9, 8, 7]), ("c", [1, 1, 2], [7, 7, 9])):
        np.savez(tmp_path / f"{name}.npz", user=users, item=items, rank=[1, 0, 2])
        (tmp_path / "ranks").mkdir(exist_ok=True)
        (tmp_path / f"{name}.npz").rename(tmp_path / "ranks" / f"{name}.npz")
    a, b, c = ({"ranks": f"{name}.npz"} for name in "abc")
    assert have_same_test(tmp_path, [a, b]) and not have_same_test(tmp_path, [a, c])


def test_of_one_user_there_is_no_comparison(tmp_path: Path) -> None:
    records = [cell(tmp_path, name, 1, [1, 1], [1, 0]) for name in ("adasid", "rqvae")]
    assert paired_test(tmp_path, records, "adasid", ["rqvae"], "baseline") == []
    ours, others = {"adasid": records[:1]}, {"SASRec": [cell(tmp_path, "SASRec", 1, [1, 1], [0, 0], model="SASRec")]}
    assert paired_recommenders(tmp_path, ours, others) == []


def test_metrics_beyond_the_saved_ranks_are_not_compared(tmp_path: Path) -> None:
    """Ranks end with the largest topk: Recall@10 of runs with topk 5 would be Recall@5 under another name."""
    short = {"test": {"ndcg@5": 0.4}}
    ours, whole, cut = (
        cell(tmp_path, "adasid", 1, [1, 2, 3], [1, 0, 2]),
        cell(tmp_path, "rqvae", 1, [1, 2, 3], [1, 4, 0], test={"ndcg@10": 0.4}),
        cell(tmp_path, "grvq", 1, [1, 2, 3], [1, 4, 0], **short),
    )
    (page,) = paired_test(tmp_path, [ours, whole, cut], "adasid", ["rqvae", "grvq"], "baseline")
    metrics = {name: [line.split(" | ")[2] for line in page.splitlines() if f"| {name} | 1" in line] for name in NAMES}
    assert metrics == {"rqvae": ["recall@5", "ndcg@5", "recall@10", "ndcg@10"], "grvq": ["recall@5", "ndcg@5"]}
    sasrec = cell(tmp_path, "SASRec", 1, [1, 2, 3], [0, 0, 1], model="SASRec", **short)
    (page,) = paired_recommenders(tmp_path, {"adasid": [ours]}, {"SASRec": [sasrec]})
    assert "recall@5" in page and "recall@10" not in page
    none = [cell(tmp_path, name, 1, [1, 2, 3], [1, 0, 2], test={"mrr@3": 0.1}) for name in ("adasid", "rqvae")]
    assert paired_test(tmp_path, none, "adasid", ["rqvae"], "baseline") == []
