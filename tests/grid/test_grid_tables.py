"""What the tables and figures of a grid show: rows of one setting, gaps, held-out items, corrected tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.evaluation.significance import holm
from recbole_adasid.grid import run as run_module
from recbole_adasid.grid.figures import draw_choices
from recbole_adasid.grid.records import METRICS, told_apart
from recbole_adasid.grid.report import write_report


def stored(cell: str, *options: str, **more: Any) -> dict[str, Any]:
    metrics = dict.fromkeys(METRICS, 0.1)
    about = {"cell": cell, "label": cell.upper(), "dataset": "toys", "seed": 1, "common": [], "options": list(options)}
    cost = {"seconds": 60, "peak_memory_gib": 1.0, "command": "x"}
    return {**about, **cost, "best_valid": metrics, "test": metrics, **more}


def test_rows_of_one_name_and_other_options_are_told_apart_and_the_last_keeps_the_name() -> None:
    records = [stored("a", "--x=1", "--y=2"), stored("b"), stored("a", "--x=3", "--y=2"), stored("a", "--y=2", "--x=3")]
    labels = [(record["cell"], record["label"]) for record in told_apart(records)]
    assert labels == [
        ("a --x=1 without --x=3", "A (--x=1 without --x=3)"),
        ("b", "B"),
        ("a in another order", "A (in another order)"),
        ("a", "A"),
    ]


def test_a_table_never_takes_two_settings_for_two_seeds(tmp_path: Path) -> None:
    for record in (stored("adasid", "--epochs=1"), stored("rqvae"), stored("adasid", "--epochs=2")):
        run_module.add(tmp_path, record)
    write_report(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| ADASID | 1 |" in page and "| ADASID (--epochs=1 without --epochs=2) | 1 |" in page
    assert "| ADASID | 2 |" not in page


def test_figures_follow_the_order_of_the_grid_and_not_of_finishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    panels: list[Any] = []
    monkeypatch.setattr(pyplot, "close", lambda figure: panels.extend(figure.axes))
    records = [stored(f"f-{place}", group="g", label=f"f {place}", place=place) for place in (3, 1, 2)]
    draw_choices(tmp_path, "x", records)
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["f 1", "f 2", "f 3"]


def test_a_metric_that_was_not_measured_leaves_a_gap(tmp_path: Path) -> None:
    few = {"recall@10": 0.1}
    for name in ("adasid", "rqvae", "w"):
        group = {"group": "g"} if name == "w" else {}
        run_module.add(tmp_path, {**stored(name, best_valid=few, test=few), **group})
    write_report(tmp_path)
    assert "| ADASID | 1 |  |  |  |  | 0.1000 |  |" in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "told", [{"options": ["--cold_item_share=0.1"]}, {"common": ["--config_files=cold.yaml"], "cold": True}]
)
def test_held_out_items_that_no_user_was_tested_on_leave_a_gap(told: dict[str, Any], tmp_path: Path) -> None:
    """As metrics.json has them: null for a mean over nothing, and no interval."""
    cold, warm = {"users": 0.0, **dict.fromkeys(METRICS)}, {"users": 9.0, **dict.fromkeys(METRICS, 0.3)}
    slices = {"test_slices": {"cold": cold, "warm": warm}}
    slices["test_slice_intervals"] = {"cold": {}, "warm": dict.fromkeys(METRICS, [0.2, 0.4])}
    run_module.add(tmp_path, {**stored("adasid", **slices), **told})
    write_report(tmp_path)
    row = "| ADASID | 1 | 0 |  |  |  | 0.3000 [0.2000, 0.4000] |"
    assert row in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_one_user_tested_on_held_out_items_has_metrics_without_an_interval(tmp_path: Path) -> None:
    cold, warm = {"users": 1.0, **dict.fromkeys(METRICS, 0.2)}, {"users": 9.0, **dict.fromkeys(METRICS, 0.3)}
    intervals = {"cold": {}, "warm": dict.fromkeys(METRICS, [0.2, 0.4])}
    more = {"cold": True, "test_slices": {"cold": cold, "warm": warm}, "test_slice_intervals": intervals}
    run_module.add(tmp_path, stored("adasid", **more))
    write_report(tmp_path)
    row = "| ADASID | 1 | 1 | 0.2000 | 0.2000 | 0.2000 | 0.3000 [0.2000, 0.4000] |"
    assert row in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_metrics_that_were_not_measured_on_held_out_items_leave_a_gap(tmp_path: Path) -> None:
    parts = {name: {"users": 9.0, "recall@5": 0.3} for name in ("cold", "warm")}
    intervals = {name: {"recall@5": [0.2, 0.4]} for name in parts}
    options = {"options": ["--cold_item_share=0.1"]}
    record = {**stored("adasid", test_slices=parts, test_slice_intervals=intervals), **options}
    run_module.add(tmp_path, record)
    write_report(tmp_path)
    row = "| ADASID | 1 | 9 | 0.3000 [0.2000, 0.4000] |  |  | 0.3000 [0.2000, 0.4000] |  |  |"
    assert row in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_one_seed_is_told_to_say_nothing_of_trainings_and_counts_in_no_correction(tmp_path: Path) -> None:
    (tmp_path / "ranks").mkdir()
    random = np.random.default_rng(0)
    for cell in ("adasid", "rqvae", "grvq", "simrq"):
        for seed in (1, 2) if cell != "simrq" else (1,):
            np.savez(tmp_path / "ranks" / f"{cell}{seed}.npz", user=np.arange(9), rank=random.integers(0, 9, 9))
            run_module.add(tmp_path, stored(cell, seed=seed, ranks=f"{cell}{seed}.npz"))
    write_report(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "corrected for the 2 baselines with several seeds" in page
    rows = [line for line in page.splitlines() if " | 2 | recall@5 | " in line]
    both = [[float(one) for one in re.findall(r"([\d.e-]+) \(([\d.e-]+)\) \|$", row)[0]] for row in rows]
    assert [corrected for _, corrected in both] == pytest.approx(holm([p for p, _ in both]), rel=0.02)
    one = next(line for line in page.splitlines() if line.startswith("| SIMRQ | 1 | recall@5 |"))
    assert len(both) == 2 and one.endswith(", users only |")
