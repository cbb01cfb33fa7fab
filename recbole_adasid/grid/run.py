"""Implementation of `recbole-adasid grid`: run the missing cells one by one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.grid.cell import Cell, key_in, moved, own_model
from recbole_adasid.grid.checking import check_cells
from recbole_adasid.grid.given_files import given_model
from recbole_adasid.grid.grids import GRIDS, read_grid
from recbole_adasid.grid.records import finished_cells, is_choice, is_overtaken, model_of
from recbole_adasid.grid.report import write_report
from recbole_adasid.io.atomic import append_line
from recbole_adasid.model.names import TIGER
from recbole_adasid.plugin.config.building import known_settings
from recbole_adasid.plugin.registration import OURS
from recbole_adasid.settings.errors import SettingsError, refuse_unknown_keys, unknown_name


def run_grid(
    grid: str,
    out: Path,
    *,
    datasets: Sequence[str],
    seeds: Sequence[int],
    options: list[str],
    cells: Sequence[str] | None = None,
    data_path: str | None = None,
    against: str | None = None,
) -> None:
    """Run the missing cells, rewriting the tables after each.

    Args:
        grid: name or file.
        out: folder of the results.
        datasets, seeds: the cells are run with each of them; no datasets: only the tables are written.
        options: common settings as `--key=value`, in the given order: they are part of a cell's identity.
        cells: those to run; None: all.
        data_path: folder of the datasets; None: the default.
        against: cell that the page compares the others with; None: AdaSID.

    Raises:
        SettingsError: for an unknown grid or cell, a missing dataset, invalid settings of a cell, common options that
            no cell may have, or nothing to render.
        ValueError: if a cell failed.
    """
    known = read_grid(grid)
    chosen = list(known) if cells is None else cells
    for name in chosen:
        if name not in known:
            raise unknown_name(f"cell of {grid}", name, known)
    here = [{"cell": name, "choice": False, **entry} for name, entry in known.items()]
    compared = (one for one in (*here, *finished_cells(out)) if model_of(one) == TIGER and not is_choice(one))
    rivals = dict.fromkeys(one["cell"] for one in compared)
    if against is not None and against not in rivals:
        raise unknown_name("cell to compare with (against)", against, rivals)
    wanted = [
        Cell(name, known[name], dataset, seed, data_path, options)
        for dataset in datasets
        for seed in seeds
        for name in chosen
    ]
    if not datasets and not (out / "cells.jsonl").is_file():
        raise SettingsError(f"{out} has no cells.jsonl to render: give --out the folder of a grid's results.")
    models = [own_model(entry) or given_model(options) or TIGER for entry in known.values()]
    refuse_unknown_options(options, grid, models)
    done = finished_cells(out)
    check_cells(cell for cell in wanted if not results_of(cell, done))
    out.mkdir(parents=True, exist_ok=True)
    for cell in wanted:
        if finish(cell, out):
            write_report(out, against)
    write_report(out, against)


def refuse_unknown_options(options: Sequence[str], grid: str, models: Sequence[str]) -> None:
    """Check that some cell's model has each common option: the others run without it.

    Raises:
        SettingsError: for the first that none has.
    """
    here = set[str]().union(*map(known_settings, {TIGER, *models}))  # TIGER: whose tables other recommenders join
    keys = list(map(key_in, options))
    refuse_unknown_keys(keys, here.union(*map(known_settings, OURS)), source="the command line of grid")
    for key in keys:
        if key not in here:
            raise SettingsError(f"No cell of {grid} has the setting {key}: leave --{key} out, or choose another grid.")


def finish(cell: Cell, out: Path) -> bool:
    """Run a cell, or take its result from one with the same settings; False if it was finished before."""
    twins = results_of(cell, finished_cells(out))
    own = [record for record in twins if (record["cell"], record["common"]) == (cell.name, cell.common)]
    if own:
        shutil.rmtree(cell.folder, ignore_errors=True)  # if there was no time to remove it
        changed = relabelled(own, cell, out)
        if not is_overtaken(own[-1], finished_cells(out)):
            return changed
        add(out, moved(own[-1], cell))  # what was asked for last is what counts
        return True
    if twins:
        print(f"--- {cell.name}, seed {cell.seed}, is {twins[-1]['cell']}", flush=True)
    add(out, moved(twins[-1], cell) if twins else cell.run(out))
    shutil.rmtree(cell.folder, ignore_errors=True)  # not before its result is on disk
    return True


def results_of(cell: Cell, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records with the settings of a cell and what it is given, those of other cells, too.

    Early records do not say what data and settings files they were given: they count as finished.
    """
    found = [record for record in records if key_of(record) == cell.key]
    return [record for record in found if record.get("given", cell.given) == cell.given or not cell.given]


def relabelled(records: list[dict[str, Any]], cell: Cell, out: Path) -> bool:
    """Rewrite a finished cell's lines if its grid has since given it another label or purpose.

    Other grids may have a cell of the same name and another purpose: they change nothing. Early records do not name
    their grid: those of a cell in a file of the user's are taken for its.
    """
    here = cell.place.get("grid")
    own = [record for record in records if record.get("grid", None if here in GRIDS else here) == here]
    changed = [moved(record, cell) for record in own if role_of(record) != role_of(cell.place)]
    for record in changed:
        add(out, record)
    return bool(changed)


def role_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a cell's name and purpose."""
    return record.get("label", record["cell"]), record.get("group"), is_choice(record)


def add(out: Path, record: dict[str, Any]) -> None:
    """Append a finished cell and flush it to disk."""
    append_line(out / "cells.jsonl", json.dumps(record, ensure_ascii=False))


def key_of(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the key of a finished cell, see :attr:`Cell.key`."""
    return record["dataset"], str(record["seed"]), *record["options"]
