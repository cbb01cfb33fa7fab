from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.table import markdown, summary


def cell(name: str, seed: int, value: float) -> Cell:
    return Cell(name, name.upper(), seed, "f", 1.0, {"proxy_ndcg@10": value, "perplexity_1": 200.0})


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


@pytest.mark.parametrize(
    "change",
    [
        *({"name": name} for name in ("../../x", "/x", ".x", "a\\b", 3, None)),
        *({"seed": -1}, {"seed": "1"}, {"title": []}, {"seconds": "x"}, {"figures": 3}, {"more": 1}),
    ],
)
def test_a_line_of_no_cell_is_left_out(change: dict[str, object], tmp_path: Path) -> None:
    sound = {"name": "a", "title": "A", "seed": 1, "fingerprint": "f", "seconds": 1.0, "figures": {"x": 1.0}}
    lines = [json.dumps({**sound, **change}), json.dumps(sound), "[" * 100_000]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines))
    assert [cell.name for cell in CellFolder(tmp_path).cells()] == ["a"]
