"""Figures of a grid: validation by setting, as in the paper's Figure 4, and by minutes of training."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.grid.records import valid_score

_LONGEST_NAME = 120


def draw_choices(out: Path, setting: str, records: list[dict[str, Any]]) -> list[str]:
    """Draw validation NDCG@10 from weak to strong, one panel per component; empty without such cells or matplotlib."""
    groups = list(dict.fromkeys(record["group"] for record in records if "group" in record))
    plt = _pyplot()
    if not groups or plt is None:
        return []
    in_order = sorted(records, key=lambda record: record.get("place", 0))
    figure, panels = plt.subplots(1, len(groups), figsize=(4.5 * len(groups), 4), sharey=True, squeeze=False)
    for panel, group in zip(panels[0], groups):
        table = pd.DataFrame(
            [{"label": r["label"], "value": valid_score(r)} for r in in_order if r.get("group") == group]
        )
        found = table.groupby("label", sort=False)["value"]
        panel.errorbar(range(found.ngroups), found.mean(), yerr=found.std().fillna(0), marker="o", capsize=3)
        panel.set_xticks(range(found.ngroups), list(found.groups), rotation=20)
        panel.set_title(group)
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("NDCG@10, validation")
    return [_save(plt, out, figure, "figure4", "Figure 4", setting)]


def draw_progress(out: Path, setting: str, rows: list[tuple[str, list[dict[str, Any]]]]) -> list[str]:
    """Draw validation NDCG@10 by minutes of training, mean of the seeds; empty if no cell was validated twice.

    Args:
        rows: finished cells (one per seed) of each choice.
    """
    curves = {runs[0].get("label", name): _curve(runs) for name, runs in rows}
    plt = _pyplot()
    if plt is None or max((len(minutes) for minutes, _ in curves.values()), default=0) < 2:
        return []
    figure, panel = plt.subplots(figsize=(6.5, 4))
    for label, (minutes, values) in curves.items():
        panel.plot(minutes, values, marker="o", label=label)
    panel.set_xlabel("minutes of training, validation not counted")
    panel.set_ylabel("NDCG@10, validation")
    panel.legend()
    panel.grid(alpha=0.3)
    return [_save(plt, out, figure, "progress", "Validation by minutes of training", setting)]


def _curve(runs: list[dict[str, Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return minutes of training and validation NDCG@10 at each validation that all runs have, means over runs."""
    paces = [run["pace"] for run in runs if run.get("pace", {}).get("validation") and run["pace"]["training"]]
    if not paces:
        return np.empty(0), np.empty(0)
    n = min(len(pace["validation"]) for pace in paces)
    minutes = [np.cumsum(pace["training"])[pace["epochs"][:n]] / 60 for pace in paces]
    return np.mean(minutes, axis=0), np.mean([pace["validation"][:n] for pace in paces], axis=0)


def _pyplot() -> Any:
    """Return matplotlib's pyplot, drawing to files; None without matplotlib."""
    if find_spec("matplotlib") is None:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def file_name(setting: str) -> str:
    """Return a setting as part of a file's name: shortened and told apart by a digest if it is long."""
    plain = re.sub(r"[^\w.,=-]", "", setting.replace("--", "-")).replace("=", "_")
    if len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[:_LONGEST_NAME]}-{hashlib.sha256(setting.encode()).hexdigest()[:8]}"


def _save(plt: Any, out: Path, figure: Any, kind: str, title: str, setting: str) -> str:
    """Save a figure beside the page, and return the line that shows it."""
    name = f"{kind}-{file_name(setting)}.png"
    figure.tight_layout()
    figure.savefig(out / name, dpi=130)
    plt.close(figure)
    return f"![{title}]({name})"
