"""The command of the grid: its own options apart from those of the cells, whose text counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.cli import train
from recbole_adasid.cli.grid import COMMAND, _apart
from recbole_adasid.grid import run
from recbole_adasid.grid.cell import Cell
from recbole_adasid.io.json_file import read_json


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a grid was asked for; nothing is run."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(run, "run_grid", lambda grid, out, **wanted: found.append({"grid": grid, **wanted}))
    return found


def test_settings_of_the_cells_are_kept_as_they_are_written(asked):
    given = ["--epochs=010", "--grid", "table4", "--seeds=1,2", "--out=x", "--text_fields=[a, b]"]
    given += ["--datasets=ml-100k, toys", "--cells=a, b,a"]
    assert COMMAND.main(given) == 0
    cells = {"grid": "table4", "datasets": ["ml-100k", "toys"], "seeds": [1, 2], "cells": ["a", "b"]}
    others = {"data_path": None, "against": None}
    assert asked == [{**cells, **others, "options": ["--epochs=010", "--text_fields=[a, b]"]}]


@pytest.mark.parametrize("render", ["--render", "--render=true"])
def test_rendering_runs_no_cell(render, asked):
    assert COMMAND.main([render, "--out=x", "--datasets=a,b"]) == 0
    assert asked[0]["datasets"] == [] and asked[0]["options"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--epochs=3"], "grid needs --out=PATH"),
        (["--out=x", "--epochs", "3"], "'--epochs' is not a setting of the cells: write --key=value"),
        (["--out=x", "epochs=3"], "'epochs=3' is not a setting of the cells"),
        (["--out"], "--out has no value"),
        (["--out=x", "--seeds=one"], "--seeds=2020,2021"),
        (["--out=x", "--seed=7"], "takes its seeds from --seeds, as in --seeds=7"),
        (["--out=x", "--grid=seeds.yaml"], "The cell adasid of seeds.yaml has a seed: give seeds by --seeds"),
        (["--out=x", "--grid=tabel2"], "Unknown grid 'tabel2': did you mean table2"),
        (["--out=x", "--grid=mine.yaml"], "There is no settings file mine.yaml"),
        (["--out=x", "--grid=odd.yaml"], "The cell adasid of odd.yaml has to hold settings, or nothing; it holds 3"),
        (["--out=x", "--render=true"], "x has no cells.jsonl to render: give --out the folder of a grid's results"),
        (["--out=x", "--cells=adsid"], "Unknown cell of table2 'adsid': did you mean adasid"),
    ],
)
def test_mistakes_end_in_a_sentence_and_leave_no_folder(given, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text("adasid: 3\n")
    Path("seeds.yaml").write_text("adasid: {seed: 7}\n")
    assert COMMAND.main(given) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not Path("x").exists()


def test_a_value_may_follow_its_name():
    assert _apart(["--out", "x", "--a=1"]) == (["--out", "x"], ["--a=1"])


def in_this_process(self: Cell, arguments: list[str], folder: Path) -> tuple[Any, dict[str, float]]:
    """Do what a cell does in an interpreter of its own, which takes seconds to start."""
    assert train.main([*arguments, f"--run_folder={folder}"]) == 0
    return read_json(folder / "metrics.json"), {"cpu_seconds": 1.0, "peak_memory_gib": 0.5}


@pytest.mark.parametrize("own_processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_grid_of_the_user_s_own_runs_and_goes_on(own_processes, tiny_settings, tmp_path, monkeypatch, capfd):
    if not own_processes:
        monkeypatch.setattr(Cell, "execute", in_this_process)
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("small: {tokenizer: rqkmeans}\n", encoding="utf-8")
    shared = {key: value for key, value in tiny_settings.items() if key not in ("tokenizer", "dataset", "data_path")}
    options = [f"--{key}={value}" for key, value in shared.items() if key not in ("run_root",)]
    command = ["--grid=mine.yaml", "--datasets=tiny", f"--data_path={tiny_settings['data_path']}", "--out=found"]
    assert COMMAND.main([*command, *options]) == 0, capfd.readouterr().err
    assert capfd.readouterr().out.count("--- recbole-adasid train --dataset=tiny") == 1
    assert COMMAND.main([*command, *options]) == 0 and "---" not in capfd.readouterr().out
    assert "| small | 1 |" in Path("found/README.md").read_text(encoding="utf-8")
    assert not list(Path("runs/grid/tiny").iterdir())
