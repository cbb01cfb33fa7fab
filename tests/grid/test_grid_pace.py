from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.grid.pace import epochs_to, pace_table, read_pace
from recbole_adasid.grid.report import validated_users
from recbole_adasid.run_folder.history import run_history, write_history

LOG = """\
29 Nov 01:19    INFO  \x1b[1;32mepoch 0 training\x1b[0m [time: 60.00s, train loss: 6.5127, examples/s: 6627]
29 Nov 01:20    INFO  \x1b[1;32mepoch 1 training\x1b[0m [time: 120.00s, train loss: 6.1106, examples/s: 6445]
29 Nov 01:20    INFO  \x1b[1;32mepoch 1 evaluating\x1b[0m [time: 0.50s, ndcg@10: 0.045468]
29 Nov 01:21    INFO  \x1b[1;32mepoch 2 training\x1b[0m [time: 90.00s, train loss: 6.0731]
29 Nov 01:31    INFO  \x1b[1;32mepoch 2 training\x1b[0m [time: 30.00s, train loss: 6.0731]
\x1b[1;32mepoch 2 evaluating\x1b[0m [\x1b[1;34mtime\x1b[0m: 1.50s, \x1b[1;34mvalid_score\x1b[0m: 0.05]
"""


def test_seconds_come_from_the_log_and_quality_from_the_history(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text(LOG, encoding="utf-8")
    write_history(tmp_path / "history.json", run_history([], {0: 1.0}, {1: {"ndcg@10": 0.4}, 2: {"ndcg@10": 0.5}}))
    assert read_pace(tmp_path) == {
        "training": [60.0, 120.0, 30.0],
        "evaluating": [0.5, 1.5],
        "epochs": [1, 2],
        "validation": [0.4, 0.5],
    }


def pace(training: list[float], epochs: list[int], validation: list[float]) -> dict[str, Any]:
    return {"training": training, "evaluating": [2.0], "epochs": epochs, "validation": validation}


def test_quality_is_reached_at_the_first_validation_that_is_as_good() -> None:
    known = pace([60.0, 120.0, 30.0], [0, 1, 2], [0.1, 0.3, 0.2])
    assert [epochs_to(known, wanted) for wanted in (0.05, 0.1, 0.2, 0.3, 0.31)] == [1, 1, 2, 2, None]


def run(cell: str, known: dict[str, Any], memory: float = 1.0) -> dict[str, Any]:
    return {"cell": cell, "label": f"the {cell}", "pace": known, "peak_memory_gib": memory}


def test_the_table_says_how_soon_others_reach_the_goal() -> None:
    goals = [run("SASRec", pace([60, 60], [0, 1], [0.2, top]), memory) for top, memory in ((0.3, 1.0), (0.5, 2.0))]
    quick = [run("liger", pace([30, 30], [0, 1], [0.4, 0.6])), run("liger", pace([30, 30], [0, 1], [0.1, 0.2]))]
    slow = [run("tiger", pace([30], [0], [0.1]))]
    rows = [("SASRec", goals), ("LIGER", quick), ("TIGER", slow), ("Pop", [{"cell": "pop", "peak_memory_gib": 1}])]
    title, note, table = pace_table(rows, 100)
    assert title == "### Pace" and "reach the best validation of the SASRec" in note
    lines = table.splitlines()
    assert "minutes to a validation ndcg@10 of 0.4000" in lines[0]
    assert lines[2:] == [
        "| SASRec | 60.0 | 2.0 | 2.0 (not in 1 of 2) | 50 | 1.50 |",
        "| LIGER | 30.0 | 1.0 | 0.5 (not in 1 of 2) | 50 | 1.00 |",
        "| TIGER | 30.0 | 0.5 | never | 50 | 1.00 |",
    ]


def test_a_seed_on_a_slower_machine_or_an_epoch_with_a_pause_counts_no_time() -> None:
    fast, slow = pace([10, 10, 300], [0, 1, 2], [0.1, 0.2, 0.3]), pace([25, 25, 25], [0, 1, 2], [0.1, 0.3, 0.3])
    lines = pace_table([("SASRec", [run("SASRec", fast), run("SASRec", {**slow, "evaluating": [9.0]})])], 100)[2]
    assert lines.splitlines()[2] == "| SASRec | 10.0 | 0.5 | 0.4 | 50 | 1.00 |"  # 3 and 2 epochs of 10 s to the goal


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("TIGER", [run("tiger", pace([1], [0], [1]))])],
        [("SASRec", [{"cell": "x"}])],
        [("SASRec", [run("SASRec", pace([1], [], []))])],  # without validation
    ],
)
def test_without_the_goal_there_is_no_table(rows: list[Any]) -> None:
    assert pace_table(rows, 10) == []


def test_users_of_a_validation_are_those_validated_and_in_early_records_those_tested(tmp_path: Path) -> None:
    (tmp_path / "ranks").mkdir()
    np.savez(tmp_path / "ranks" / "a.npz", user=np.arange(100))
    early = {"ranks": "a.npz"}
    assert validated_users(tmp_path, early) == 100 and validated_users(tmp_path, {}) is None
    parts = {"cold": {"users": 20.0}, "warm": {"users": 50.0}}
    assert validated_users(tmp_path, {**early, "best_valid_slices": parts}) == 70
