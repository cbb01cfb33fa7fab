"""Mistakes in any cell, or its dataset, end a grid before the first cell is trained."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.grid.cell import Cell
from recbole_adasid.grid.checking import check_cells
from recbole_adasid.grid.run import run_grid
from recbole_adasid.settings.errors import SettingsError

GOOD = {"tokenizer": "rqvae", "text_fields": ["title"]}


def cells(data_path: Path | None, dataset: str, *entries: dict[str, Any]) -> list[Cell]:
    """One cell per entry: c0, c1, …"""
    path = data_path and str(data_path)
    return [Cell(f"c{place}", {"label": "c", **one}, dataset, 1, path, []) for place, one in enumerate(entries)]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({**GOOD, "codedim": 64}, "Unknown setting 'codedim'"),
        ({**GOOD, "code_dim": -3}, "code_dim"),
        ({**GOOD, "tokenizer": "rqvea"}, "did you mean rqvae"),
        ({"model": "SASRec", "beam_size": 3}, "beam_size"),
        ({**GOOD, "run_folder": "mine"}, "--run_folder is given twice"),
    ],
)
def test_a_mistake_in_a_later_cell_is_told_with_its_name(own: dict[str, Any], said: str, tiny_data: Path) -> None:
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    with pytest.raises(SettingsError, match=rf"The cell c1 cannot run on tiny: .*{re.escape(said)}"):
        check_cells(cells(tiny_data, "tiny", GOOD, own))
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == gpus


def test_the_seeds_of_a_cell_are_checked_once(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole_adasid.grid import checking

    built: list[Any] = []
    build = checking.build_config
    monkeypatch.setattr(checking, "build_config", lambda *given, **how: built.append(given) or build(*given, **how))
    check_cells(cells(tiny_data, "tiny", GOOD, {**GOOD, "nproc": 2}, GOOD, GOOD))
    assert len(built) == 2


def test_a_missing_dataset_is_told_unless_a_cell_makes_it(tiny_data: Path) -> None:
    check_cells(cells(None, "ml-100k", GOOD))
    with pytest.raises(SettingsError, match=r"There is no dataset 'tyni'.* holds: tiny"):
        check_cells([*cells(tiny_data, "tiny", GOOD), *cells(tiny_data, "tyni", GOOD)])
    made = {**GOOD, "interactions_table": "log.csv"}
    check_cells(cells(tiny_data, "tyni", made, GOOD))
    with pytest.raises(SettingsError, match="There is no dataset 'tyni'"):
        check_cells(cells(tiny_data, "tyni", GOOD, made))


def test_a_grid_with_a_mistake_leaves_no_folder(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cell, "execute", lambda *_: pytest.fail("trained"))
    grid = tmp_path / "grid.yaml"
    grid.write_text("rqvae:\nbad: {tokenizer: rqvae, codedim: 64}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="The cell bad cannot run on tiny"):
        run_grid(
            str(grid),
            tmp_path / "out",
            datasets=["tiny"],
            seeds=[1],
            options=["--text_fields=[title]"],
            data_path=str(tiny_data),
        )
    assert not (tmp_path / "out").exists()
