"""Speed of a grid's cells: seconds from their logs, minutes to reach another recommender's quality."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.io.markdown import table
from recbole_adasid.run_folder.history import read_history

# RecBole's trainers and ours log alike, except for colour escape codes in between.
_COLOUR = r"(?:\x1b\[[\d;]*m)*"
_LINE = re.compile(rf"epoch (\d+) (training|evaluating){_COLOUR} \[{_COLOUR}time{_COLOUR}: ([\d.]+)s")
METRIC = "ndcg@10"


def read_pace(run_folder: Path) -> dict[str, Any]:
    """Return the times and validation scores of a finished run.

    Returns:
        ``training``: seconds of each epoch, ``evaluating``: seconds of each validation, both in order; ``epochs`` and
        ``validation``: which epochs were validated, from 0, and their NDCG@10.
    """
    found: dict[str, dict[int, float]] = {"training": {}, "evaluating": {}}
    for epoch, what, seconds in _LINE.findall((run_folder / "run.log").read_text(encoding="utf-8")):
        found[what][int(epoch)] = float(seconds)  # the last one, if an epoch was repeated after an interruption
    known = read_history(run_folder / "history.json")["validation"]
    seconds = {what: [times[epoch] for epoch in sorted(times)] for what, times in found.items()}
    return {**seconds, "epochs": known["epoch"], "validation": known.get(METRIC, [])}


def epochs_to(pace: dict[str, Any], wanted: float) -> int | None:
    """Return the epochs of training after which a validation first reached ``wanted``; None if none did."""
    reached = (epoch + 1 for epoch, value in zip(pace["epochs"], pace["validation"]) if value >= wanted)
    return min(reached, default=None)


def pace_table(rows: list[tuple[str, list[dict[str, Any]]]], users: int | None, goal: str = "SASRec") -> list[str]:
    """Return a table of how fast cells train, reach the best validation of ``goal``, and answer.

    Args:
        rows: label and finished cells of each recommender; those without a pace are left out.
        users: number of validated users; None if unknown.
        goal: the cell whose quality is to be reached.
    """
    rows = [(label, [run for run in runs if run.get("pace", {}).get("training")]) for label, runs in rows]
    goals = [run for _, runs in rows for run in runs if run["cell"] == goal and run["pace"]["validation"]]
    if not goals:
        return []
    wanted = float(np.mean([max(run["pace"]["validation"]) for run in goals]))
    head = ["", "seconds per epoch", "minutes of training", f"minutes to a validation {METRIC} of {wanted:.4f}"]
    head += ["validated users/s", "peak memory, GiB"]
    note = f"How soon the others reach the best validation of {goals[0].get('label', goal)}, mean over seeds. Times "
    note += "are of training only, with every epoch as long as the fastest seed's median epoch, so that slow or busy "
    note += "machines do not count."
    shown = table(head, (_cells(label, runs, wanted, users) for label, runs in rows if runs), compact=True)
    return ["### Pace", note, shown]


def _cells(label: str, runs: list[dict[str, Any]], wanted: float, users: int | None) -> list[str]:
    paces = [run["pace"] for run in runs]
    seconds = min(float(np.median(pace["training"])) for pace in paces)
    reached = [epochs_to(pace, wanted) for pace in paces]
    known = [epochs for epochs in reached if epochs is not None]
    lacking = f" (not in {len(reached) - len(known)} of {len(reached)})" if len(known) < len(reached) else ""
    answering = [np.median(pace["evaluating"]) for pace in paces if pace["evaluating"]]
    memory = [run["peak_memory_gib"] for run in runs if "peak_memory_gib" in run]
    return [
        label,
        f"{seconds:.1f}",
        f"{np.mean([len(pace['training']) for pace in paces]) * seconds / 60:.1f}",
        (f"{np.mean(known) * seconds / 60:.1f}" if known else "never") + (lacking if known else ""),
        f"{users / max(float(min(answering)), 0.01):,.0f}" if users and answering else "",
        f"{np.mean(memory):.2f}" if memory else "",
    ]
