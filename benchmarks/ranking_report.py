"""Metrics of ranking models, and the table of a comparison.

Letters: R rows, N items.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.ranking_rows import POPULAR, POSITIVE, UNIFORM, Rows
from recbole_adasid.grid.records import lines_of
from recbole_adasid.io.atomic import write_atomically

BINS = ((0, 0), (1, 4), (5, 9), (10, 19), (20, None))
"""From and to how many training interactions of an item, both included."""
LEGEND = """\
Test: each user's last interaction, against items that the user never had. Means ± standard deviations over seeds; the
standard deviation knows of tokenizers and models, not of which users there are. AUC is over all users at once: against
items drawn uniformly, and against items drawn by how often they were trained on. Log loss is over all rows, a third of
which are positives. Bins go by how often the row's item was trained on: both positives and uniform negatives are of
the bin, so that popularity tells nothing there.
"""


def bin_name(low: int, high: int | None) -> str:
    return f"{low}" if low == high else f"{low} or more" if high is None else f"{low} to {high}"


def figures(rows: Rows, scores: NDArray[np.float64], popularity: NDArray[np.int64]) -> dict[str, float]:
    """Return AUC and log loss by name, in all and by how often the row's item was trained on.

    Args:
        rows: R of them.
        scores: probability of a positive [R].
        popularity: training interactions by item id [N + 1].
    """
    found = {
        "auc": auc(rows, scores, rows.kinds != POPULAR),
        "auc_popular": auc(rows, scores, rows.kinds != UNIFORM),
        "logloss": log_loss(rows, scores, np.ones(len(scores), dtype=bool)),
    }
    trained_on = popularity[rows.items]
    for low, high in BINS:
        chosen = (rows.kinds != POPULAR) & (trained_on >= low) & (trained_on <= (high or (np.inf if low else 0)))
        name = bin_name(low, high)
        found[f"auc {name}"], found[f"logloss {name}"] = auc(rows, scores, chosen), log_loss(rows, scores, chosen)
        found[f"positives {name}"] = int((rows.kinds[chosen] == POSITIVE).sum())
    return found


def auc(rows: Rows, scores: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    """Return the chance that a positive scores above a negative, ties counted half; NaN without one of either."""
    from sklearn.metrics import roc_auc_score

    labels = rows.labels[chosen]
    return float(roc_auc_score(labels, scores[chosen])) if 0 < labels.sum() < len(labels) else float("nan")


def log_loss(rows: Rows, scores: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    """Return the mean negative log-likelihood in nats; NaN without rows."""
    labels, given = rows.labels[chosen], np.clip(scores[chosen], 1e-7, 1 - 1e-7)
    return float(-np.where(labels == 1, np.log(given), np.log1p(-given)).mean()) if len(labels) else float("nan")


def finished_cells(out: Path) -> list[dict[str, Any]]:
    """Return what was noted of the finished cells; of one that was run again, the last."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in lines_of(out):
        key = tuple(cell[name] for name in ("dataset", "model", "variant", "seed"))
        found.pop(key, None)
        found[key] = cell
    return list(found.values())


def write_report(out: Path, titles: dict[str, str]) -> str:
    """Write README.md and table.json, and return the former's text."""
    cells = finished_cells(out)
    parts = ["# Ranking with and without Semantic IDs", "Written by `python -m benchmarks.ranking`."]
    summary = []
    for dataset, model in dict.fromkeys((cell["dataset"], cell["model"]) for cell in cells):
        chosen = [cell for cell in cells if (cell["dataset"], cell["model"]) == (dataset, model)]
        rows = [(titles[name], [cell for cell in chosen if cell["variant"] == name]) for name in titles]
        rows = [(title, runs) for title, runs in rows if runs]
        parts += [f"## {model} on {dataset}", *tables(rows)]
        for title, runs in rows:
            values = pd.DataFrame(runs).select_dtypes("number").drop(columns="seed")
            mean, deviation = values.mean().to_dict(), values.std(ddof=1).add_suffix("_sd").to_dict()
            about = {"dataset": dataset, "model": model, "features": title, "seeds": len(runs)}
            summary.append({**about, **mean, **(deviation if len(runs) > 1 else {})})
    text = "\n\n".join([*parts, LEGEND])
    write_atomically(out / "README.md", text)
    write_atomically(out / "table.json", json.dumps(summary, indent=2) + "\n")
    return text


def tables(rows: list[tuple[str, list[dict[str, Any]]]]) -> list[str]:
    """Return the table of overall figures and that of the bins."""
    positives = {name: rows[0][1][0][f"positives {name}"] for name in (bin_name(*one) for one in BINS)}
    overall = {"auc": "AUC", "auc_popular": "AUC, popular negatives", "logloss": "log loss", "epochs": "epochs"}
    by_bin = {f"auc {name}": f"{name} ({count:,})" for name, count in positives.items()}
    return [
        _table(rows, {**overall, "seconds": "seconds"}),
        "AUC by the training interactions of the item; in brackets, positives:",
        _table(rows, by_bin),
    ]


def _table(rows: list[tuple[str, list[dict[str, Any]]]], columns: dict[str, str]) -> str:
    lines = ["| item features | seeds | " + " | ".join(columns.values()) + " |", "|" + "---|" * (len(columns) + 2)]
    for title, runs in rows:
        cells = [_figure([run[key] for run in runs]) for key in columns]
        lines.append(f"| {title} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _figure(values: list[float]) -> str:
    digits = 1 if np.mean(values) > 1.5 else 4
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"
