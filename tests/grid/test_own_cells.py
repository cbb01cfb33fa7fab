"""A user's own cells have a place on the page: test metrics and comparisons, unless they serve to choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.grid.grids import GRIDS, read_grid
from recbole_adasid.grid.records import METRICS, is_choice
from recbole_adasid.grid.report import write_report
from recbole_adasid.grid.run import add, run_grid
from recbole_adasid.settings.errors import SettingsError

USERS = list(range(8))


def cell(out: Path, name: str, seed: int, value: float, items: list[int], **more: Any) -> None:
    """Finish a cell whose users' held-out items have the given numbers."""
    (out / "ranks").mkdir(parents=True, exist_ok=True)
    ranks = np.random.default_rng([seed, *name.encode()]).integers(0, 8, len(items))
    np.savez(out / "ranks" / f"{name}-{seed}.npz", user=USERS, item=items, rank=ranks)
    metrics = dict.fromkeys(METRICS, value)
    about = {"label": name.upper(), "dataset": "toys", "seed": seed, "options": [name], "common": []}
    cost = {"seconds": 60, "peak_memory_gib": 1.0, "command": "x", "ranks": f"{name}-{seed}.npz"}
    add(out, {"cell": name, **about, **cost, "best_valid": metrics, "test": metrics, **more})


def page(out: Path, against: str | None = None) -> str:
    write_report(out, against)
    return (out / "README.md").read_text(encoding="utf-8")


def test_own_cells_are_in_a_test_table_and_compared_with_adasid_as_a_family(tmp_path: Path) -> None:
    for seed in (1, 2):
        for name, value in (("adasid", 0.3), ("rqvae", 0.1), ("her-own", 0.2), ("adasid-no-las", 0.25)):
            cell(tmp_path, name, seed, value, USERS)
    text = page(tmp_path)
    assert "### All cells, test" in text and "| HER-OWN | 2 | 0.2000 ± 0.0000" in text
    assert "Choices" not in text
    for kind, name in (("baseline", "RQVAE"), ("ablation", "ADASID-NO-LAS"), ("cell", "HER-OWN")):
        assert f"ADASID against {name}, using the seeds that both have" in text
        assert f"| {kind} | seeds | metric | ADASID | {kind} | difference" in text
        assert f"| {name} | 2 | ndcg@10 | " in text
    assert "Holm" not in text and "users only" not in text  # one comparison in each family


def test_any_cell_can_be_the_one_that_others_are_compared_with(tmp_path: Path) -> None:
    for name, value in (("adasid", 0.3), ("rqvae", 0.1), ("her-own", 0.2)):
        cell(tmp_path, name, 1, value, USERS)
    text = page(tmp_path, "her-own")
    assert "HER-OWN against ADASID, the cell with the best validation NDCG@10" in text
    assert "| RQVAE | 1 | ndcg@5 |" in text and "ADASID against" not in text
    assert "ADASID against RQVAE" in page(tmp_path, "not-there-yet")  # in other sections the cell may be


def test_without_adasid_the_best_by_validation_is_compared(tmp_path: Path) -> None:
    for name, value in (("first", 0.1), ("second", 0.4)):
        cell(tmp_path, name, 1, value, USERS)
    assert "SECOND against FIRST" in page(tmp_path)


def test_cells_that_serve_to_choose_show_validation_alone(tmp_path: Path) -> None:
    cell(tmp_path, "adasid", 1, 0.3, USERS)
    cell(tmp_path, "steeper", 1, 0.2, USERS, choice=True)
    cell(tmp_path, "grouped", 1, 0.2, USERS, group="g")
    cell(tmp_path, "rqvae", 1, 0.2, USERS, choice=True)  # a name of a table's
    cell(tmp_path, "eta-low", 1, 0.2, USERS)  # an early record of a grid for choosing
    text = page(tmp_path)
    assert "### Choices, validation" in text and "All cells" not in text and "against" not in text


def test_items_held_out_of_training_say_nothing_of_cells_that_serve_to_choose(tmp_path: Path) -> None:
    parts = {name: {"users": 8.0, **dict.fromkeys(METRICS, 0.1)} for name in ("cold", "warm")}
    intervals = {name: dict.fromkeys(METRICS, [0.0, 0.2]) for name in parts}
    more = {"cold": True, "test_slices": parts, "test_slice_intervals": intervals}
    cell(tmp_path, "steeper", 1, 0.2, USERS, choice=True, **more)
    assert "held out of training" not in page(tmp_path)
    cell(tmp_path, "adasid", 1, 0.3, USERS, **more)
    _, _, shown = page(tmp_path).partition("### Items held out of training, test")
    assert "| ADASID | 1 | 8 |" in shown and "| STEEPER | 1 | 8 |" not in shown


def test_a_label_and_a_group_may_be_numbers(tmp_path: Path) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text("a: {label: 16, group: 1, tokenizer: rqvae}\n", encoding="utf-8")
    entry = read_grid(str(grid))["a"]
    assert (entry["label"], entry["group"]) == ("16", "1")
    cell(tmp_path, "a", 1, 0.3, USERS, label=16)  # an early line
    cell(tmp_path, "b", 1, 0.2, USERS[::-1], label=32, model="SASRec")
    text = page(tmp_path)
    assert "| TIGER, 16 | 1 |" in text and "tested on different users or items: 32." in text


def test_ranks_of_other_held_out_items_are_never_paired_and_cost_no_page(tmp_path: Path) -> None:
    cell(tmp_path, "adasid", 1, 0.3, USERS)
    cell(tmp_path, "rqvae", 1, 0.2, USERS[::-1])  # the same numbers of users, as after another month
    cell(tmp_path, "simrq", 1, 0.1, USERS)
    text = page(tmp_path)
    assert "Left out, because they were tested on different users or items: RQVAE." in text
    assert "| SIMRQ | 1 | ndcg@5 |" in text and "| RQVAE | 1 | ndcg@5 |" not in text


def test_the_grids_for_choosing_say_so() -> None:
    for name in GRIDS:
        cells = [{"cell": cell, "choice": False, **entry} for cell, entry in read_grid(name).items()]
        chosen = {one["cell"] for one in cells if is_choice(one)}
        if name in ("choices", "encoders", "figure4", "liger_recipe", "sasrec_recipe", "tiger_recipe"):
            assert chosen == set(read_grid(name)), name
        elif name != "behaviour":
            assert not chosen, name
    behaviour = read_grid("behaviour")
    assert is_choice(behaviour["adasid-behaviour"]) and behaviour["adasid-behaviour"]["tokenizer"] == "adasid"


def test_a_cell_to_compare_with_that_is_not_there_is_refused_before_any_work(tmp_path: Path) -> None:
    for name in ("her_own", "pop"):  # popularity has comparisons of its own
        with pytest.raises(SettingsError, match=rf"{name}.*rqvae"):
            run_grid("table2", tmp_path / "out", datasets=["ml-100k"], seeds=[1], options=[], against=name)
    assert not (tmp_path / "out").exists()
