from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.table import markdown, shown_cells, summary


def cell(name: str, seed: int, value: float, settings: str = "", common: str = "") -> Cell:
    return Cell(name, name.upper(), seed, "f", 1.0, {"proxy_ndcg@10": value, "perplexity_1": 200.0}, settings, common)


def test_finished_cells_survive_a_line_cut_in_half(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path / "new")
    codes = np.array([[0, 255], [65_535, 3]])
    folder.add(cell("a", 1, 0.5), codes)
    folder.add(cell("b", 1, 0.7), codes)
    with folder.lines.open("a") as stream:
        stream.write('{"name": "c", "ti')
    again = CellFolder(tmp_path / "new")
    assert [(c.name, c.figures["proxy_ndcg@10"]) for c in again.cells()] == [("a", 0.5), ("b", 0.7)]
    assert np.array_equal(again.codes(again.cells()[0]), codes)


def test_of_a_cell_run_twice_the_last_counts(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path)
    for value in (0.1, 0.2):
        folder.add(cell("a", 1, value), np.zeros((2, 2), dtype=np.int64))
    assert [c.figures["proxy_ndcg@10"] for c in folder.cells()] == [0.2]


def filled(folder: CellFolder, *cells: Cell) -> CellFolder:
    for one in cells:
        folder.add(one, np.zeros((2, 2), dtype=np.int64))
    return folder


def seeds(folder: CellFolder) -> list[tuple[str, int]]:
    return [(one.name, one.seed) for one in folder.cells()]


def test_only_the_settings_of_a_name_s_last_cell_count(tmp_path: Path) -> None:
    old = cell("a", 1, 0.1, "old"), cell("a", 2, 0.1, "old"), cell("b", 1, 0.1, "old")
    folder = filled(CellFolder(tmp_path), *old, cell("a", 2, 0.3, "new"), cell("a", 3, 0.3, "new"))
    assert seeds(folder) == [("b", 1), ("a", 2), ("a", 3)]
    assert folder.replaced() == [old[0]]  # seed 2 was run again
    assert summary(folder).set_index("name").loc["a", ["seeds", "proxy_ndcg@10"]].tolist() == [2, 0.3]


def test_cells_without_settings_of_older_versions_belong_together(tmp_path: Path) -> None:
    folder = filled(CellFolder(tmp_path), cell("a", 1, 0.1), cell("a", 2, 0.1))
    folder.lines.write_text(folder.lines.read_text().replace(', "settings": ""', ""))
    assert seeds(folder) == [("a", 1), ("a", 2)] and folder.replaced() == []
    filled(folder, cell("a", 3, 0.1, "new"))
    assert seeds(folder) == [("a", 3)] and len(folder.replaced()) == 2


def test_a_finished_cell_counts_under_the_settings_that_ask_for_it(tmp_path: Path) -> None:
    folder = filled(CellFolder(tmp_path), cell("a", 1, 0.1, "old"), cell("a", 2, 0.3, "new"))
    assert folder.finished("a", 1, "another", "old") is None and folder.finished("a", 3, "f", "old") is None
    assert folder.finished("a", 1, "f", "old") == cell("a", 1, 0.1, "old") and seeds(folder) == [("a", 1)]
    assert folder.finished("a", 2, "f", "old") == cell("a", 2, 0.3, "old") and seeds(folder) == [("a", 1), ("a", 2)]
    before = folder.lines.read_text()
    assert folder.finished("a", 2, "f", "old") and folder.lines.read_text() == before


def test_rows_of_other_common_settings_are_set_apart_until_they_are_asked_for_again(tmp_path: Path) -> None:
    older, x, y = cell("a", 1, 0.1, "a"), cell("b", 1, 0.1, "bx", "x"), cell("c", 1, 0.1, "cy", "y")
    folder = filled(CellFolder(tmp_path), older, x, y)
    assert folder.cells() == [older, y] and folder.set_apart() == [x] and folder.replaced() == []
    assert folder.finished("a", 1, "f", "a", "y") and folder.finished("b", 1, "f", "bx", "x")
    assert folder.cells() == [x] and [one.name for one in folder.set_apart()] == ["c", "a"]


def test_the_table_has_means_and_deviations_over_seeds_best_first(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path)
    codes = np.random.default_rng(0).integers(4, size=(50, 2))
    for name, seed, value in (("a", 1, 0.1), ("a", 2, 0.3), ("b", 1, 0.5)):
        folder.add(cell(name, seed, value), codes)
    table = summary(folder)
    assert table["name"].tolist() == ["b", "a"]
    a = table.set_index("name").loc["a"]
    assert a["seeds"] == 2 and np.isclose(a["proxy_ndcg@10"], 0.2) and np.isclose(a["proxy_ndcg@10_sd"], 0.02**0.5)
    assert a["stability_1"] == 1.0  # both seeds have the same codes
    lines = markdown(table).splitlines()
    assert lines[0].startswith("| tokenizer | seeds | proxy NDCG@10 |")
    assert lines[3].startswith("| A | 2 | 0.200 ± 0.141 |") and lines[3].endswith("| 200 |")


def test_a_row_has_the_perplexities_of_its_own_levels(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path)
    for name, levels in (("a", 2), ("b", 3), ("c", 10)):
        figures = {f"perplexity_{level}": 10.0 * level for level in range(1, levels + 1)}
        folder.add(Cell(name, name, 1, "f", 1.0, {"proxy_ndcg@10": 0.1, **figures}), np.zeros((2, levels), np.int64))
    shown = {row[0]: row[-1] for row in shown_cells(summary(folder))}
    assert shown == {"a": "10, 20", "b": "10, 20, 30", "c": "10, 20, 30, 40, 50, 60, 70, 80, 90, 100"}


@pytest.mark.parametrize(
    "change",
    [
        *({"name": name} for name in ("../../x", "/x", ".x", "a\\b", 3, None)),
        *({"seed": -1}, {"seed": "1"}, {"title": []}, {"seconds": "x"}, {"figures": 3}, {"settings": 3}, {"more": 1}),
    ],
)
def test_a_line_of_no_cell_is_left_out(change: dict[str, object], tmp_path: Path) -> None:
    sound = {"name": "a", "title": "A", "seed": 1, "fingerprint": "f", "seconds": 1.0, "figures": {"x": 1.0}}
    lines = [json.dumps({**sound, **change}), json.dumps(sound), "[" * 100_000]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines))
    assert [cell.name for cell in CellFolder(tmp_path).cells()] == ["a"]
