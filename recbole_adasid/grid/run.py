"""Implementation of `recbole-adasid grid`: run the missing cells one by one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.grid.cell import Cell, moved
from recbole_adasid.grid.grids import read_grid
from recbole_adasid.grid.records import finished_cells, is_choice, model_of
from recbole_adasid.grid.report import write_report
from recbole_adasid.io.atomic import append_line
from recbole_adasid.model.names import TIGER
from recbole_adasid.settings.errors import unknown_name


@dataclass(frozen=True)
class Wanted:
    """The cells of a grid to run, and their common settings."""

    grid: str
    datasets: Sequence[str]
    seeds: Sequence[int]
    cells: Sequence[str] | None
    """None: all."""
    data_path: str | None
    options: list[str]
    """As `--key=value`, in the given order: they are part of a cell's identity."""
    against: str | None = None
    """Cell that the page compares the others with; None: AdaSID."""


def run_grid(wanted: Wanted, out: Path) -> None:
    """Run the missing cells, rewriting the tables after each.

    Raises:
        SettingsError: for an unknown grid or cell, or common options that no cell may have.
        ValueError: if a cell failed.
    """
    cells = read_grid(wanted.grid)
    chosen = list(cells) if wanted.cells is None else wanted.cells
    for name in chosen:
        if name not in cells:
            raise unknown_name(f"cell of {wanted.grid}", name, cells)
    here = [{"cell": name, "choice": False, **entry} for name, entry in cells.items()]
    compared = (one for one in (*here, *finished_cells(out)) if model_of(one) == TIGER and not is_choice(one))
    known = dict.fromkeys(one["cell"] for one in compared)
    if wanted.against is not None and wanted.against not in known:
        raise unknown_name("cell to compare with (against)", wanted.against, known)
    out.mkdir(parents=True, exist_ok=True)
    for dataset in wanted.datasets:
        for seed in wanted.seeds:
            for name in chosen:
                cell = Cell(name, cells[name], dataset, seed, wanted.data_path, wanted.options)
                if finish(cell, out):
                    write_report(out, wanted.against)
    write_report(out, wanted.against)


def finish(cell: Cell, out: Path) -> bool:
    """Run a cell, or take its result from one with the same settings; False if it was finished before.

    Early records do not say what data and settings files they were given: they count as finished.
    """
    found = [record for record in finished_cells(out) if key_of(record) == cell.key]
    twins = [record for record in found if record.get("given", cell.given) == cell.given or not cell.given]
    if any((record["cell"], record["common"]) == (cell.name, cell.common) for record in twins):
        shutil.rmtree(cell.folder, ignore_errors=True)  # if there was no time to remove it
        return False
    if twins:
        print(f"--- {cell.name}, seed {cell.seed}, is {twins[-1]['cell']}", flush=True)
    add(out, moved(twins[-1], cell) if twins else cell.run(out))
    shutil.rmtree(cell.folder, ignore_errors=True)  # not before its result is on disk
    return True


def add(out: Path, record: dict[str, Any]) -> None:
    """Append a finished cell and flush it to disk."""
    append_line(out / "cells.jsonl", json.dumps(record, ensure_ascii=False))


def key_of(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the key of a finished cell, see :attr:`Cell.key`."""
    return record["dataset"], str(record["seed"]), *record["options"]
