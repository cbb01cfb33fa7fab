"""The finished cells of a grid: what cells.jsonl holds, and what each of them is for."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.grid.grids import GRIDS, read_grid, with_texts
from recbole_adasid.model.names import TIGER

SEEDLESS = ("Pop",)
"""Deterministic models: one cell counts for all seeds, unless these draw the held-out items or their rivals."""
VALID, TEST = "best_valid", "test"
PAPER_METRICS = ["recall@3", "ndcg@3", "recall@5", "ndcg@5"]
METRICS = [*PAPER_METRICS, "recall@10", "ndcg@10"]
BASELINES = ("rqopq", "rqvae", "rqvae-infonce", "vqgan", "grvq", "rotation", "simrq", "rqkmeans", "quasid")
ABLATIONS = ("adasid-no-sear", "adasid-no-par", "adasid-no-las", "adasid-no-collision")
TUNED = ("quasid-tuned", "rqvae-infonce-tuned")
TUNED_ABLATIONS = ("adasid-tuned-no-collision", "adasid-tuned-regulated")
TABLES = {
    "Table 2: tokenizers": ("pop", *BASELINES, "adasid"),
    "Table 4: ablations": ("adasid", *ABLATIONS, "rqvae-infonce"),
    "Tuned on validation": (*TUNED, *TUNED_ABLATIONS, "adasid-tuned", "adasid"),
}
COMPARED: dict[str, dict[str, tuple[str, ...]]] = {
    "adasid": {"baseline": BASELINES, "ablation": ABLATIONS},
    "adasid-tuned": {
        "tuned baseline": TUNED,
        "tuned ablation": TUNED_ABLATIONS,
        "untuned setting": ("adasid",),
    },
}
"""What AdaSID's cells are compared with: families for Holm's correction, by what their members are called."""
_SAME = ("dataset", "seed", "options", "common", "cell", "given")
"""Two lines that agree in these are of one finished cell, which was relabelled."""
IN_TABLES = dict.fromkeys(name for names in TABLES.values() for name in names)


def finished_cells(out: Path) -> list[dict[str, Any]]:
    """Return the records of the finished cells, as and where their last lines have them."""
    found: dict[str, dict[str, Any]] = {}
    for record in lines_of(out):
        one = json.dumps([record.get(key) for key in _SAME])
        found.pop(one, None)
        found[one] = record
    return list(found.values())


def lines_of(out: Path) -> list[dict[str, Any]]:
    """Return the lines of cells.jsonl; an incomplete one, left by a kill, is ignored."""
    path = out / "cells.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not line.startswith("{"):
            raise ValueError(f"{path} holds a line that is not a cell, {line[:40]!r}: restore the original file")
        with suppress(json.JSONDecodeError):
            found.append(with_texts(json.loads(line)))
    return found


def setting_of(record: dict[str, Any]) -> str:
    """Return the dataset and the options that all cells of a comparison share."""
    return " ".join([record["dataset"], *record["common"]])


def given_before(record: dict[str, Any], records: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a record is of other data or settings files than the last one of its dataset and setting, or of
    other settings files of its own than the last one of its options.

    Early records do not say what they were given.
    """
    if not record.get("given"):
        return False
    known = [one for one in records if one.get("given") and setting_of(one) == setting_of(record)]
    last = [one for one in known if one.get("options") == record.get("options")][-1]
    return given_to_all(record) != given_to_all(known[-1]) or record["given"] != last["given"]


def is_overtaken(record: dict[str, Any], records: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a later record is of the same cell or comparison with other settings, settings files or data."""
    here = [one for one in records if setting_of(one) == setting_of(record)]
    last = [one for one in here if one["cell"] == record["cell"]][-1]
    return last["options"] != record["options"] or given_before(record, here)


def given_to_all(record: dict[str, Any]) -> str:
    """Return the digest of a record's data and of the settings files of all cells; in early records no cell had files
    of its own, and one digest is both.
    """
    digest: str = record.get("given_to_all", record["given"])
    return digest


def is_cold(record: dict[str, Any]) -> bool:
    """Tell whether items were held out of training; early records tell by their options."""
    return bool(record.get("cold", any(option.startswith("--cold_item_share=") for option in record["options"])))


def is_seedless(record: dict[str, Any]) -> bool:
    """Tell whether a record counts for all seeds; early records do not say so."""
    return bool(record.get("seedless", model_of(record) in SEEDLESS and not is_cold(record)))


def valid_score(record: dict[str, Any]) -> float:
    """Return the validation NDCG@10 that choices are made by; NaN if it was not measured."""
    return float(record[VALID].get("ndcg@10", float("nan")))


def mean_valid(records: Iterable[dict[str, Any]]) -> float:
    """Return the mean of :func:`valid_score`, or −∞ if one is missing: what was not measured is never the best."""
    mean = float(np.mean([valid_score(record) for record in records]))
    return -np.inf if np.isnan(mean) else mean


def told_apart(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records, those of one cell with other options than its last under a name and a label of their own."""
    last = {record["cell"]: record["options"] for record in records}
    return [
        record if record["options"] == last[record["cell"]] else _renamed(record, last[record["cell"]])
        for record in records
    ]


def _renamed(record: dict[str, Any], usual: Sequence[str]) -> dict[str, Any]:
    own = [option for option in record["options"] if option not in usual]
    without = [option for option in usual if option not in record["options"]]
    told = " ".join([*own, *(f"without {option}" for option in without)]) or "in another order"
    label = record.get("label", record["cell"])
    return {**record, "cell": f"{record['cell']} {told}", "label": f"{label} ({told})"}


def is_choice(record: dict[str, Any]) -> bool:
    """Tell whether a cell serves to choose a setting, so that its test must not be shown.

    Early records do not say so: for them the package's grids tell by name.
    """
    if "choice" in record or "group" in record:
        return "group" in record or bool(record["choice"])
    return record["cell"] in chosen_cells()


@cache
def chosen_cells() -> set[str]:
    """Return the names of cells that serve to choose in the package's grids, and have no group."""
    cells = (cell for grid in GRIDS for cell in read_grid(grid).items())
    return {name for name, entry in cells if entry.get("choice")}


def model_of(record: dict[str, Any]) -> str:
    """Return the recommender of a cell; older cells do not name it."""
    model: str = record.get("model", "Pop" if record["cell"] == "pop" else TIGER)
    return model


def own_label(run: dict[str, Any]) -> str:
    """Return a label that includes the model."""
    model, label = model_of(run), run.get("label", run["cell"])
    return label if label.startswith(model) else f"{model}, {label}"


def command_of(record: dict[str, Any]) -> str:
    """Return a cell's command as a shell takes it; early records have it without quotes."""
    command: str = record["command"]
    with suppress(ValueError):  # a quotation mark in an early record
        if shlex.join(shlex.split(command)) == command:
            return command
    start, *options = re.split(" (?=--)", command)
    return " ".join([start, *map(shlex.quote, options)])
