"""When a grid's ranking settles: validation by epoch, and its rank correlation with the last epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from recbole_adasid.grid.pace import METRIC
from recbole_adasid.io.markdown import table

_LEAST_CELLS = 3
"""A ranking of fewer is meaningless."""


def order_table(rows: list[tuple[str, list[dict[str, Any]]]]) -> list[str]:
    """Return a table of the cells' validation by epoch, with the ranking's agreement with the last epoch's.

    Args:
        rows: label and finished cells (one per seed) of each tokenizer; those without a history of validations, or
            with other validated epochs than the first, are left out. With too few, or one epoch, there is no table.
    """
    known = [(label, [run for run in runs if run.get("pace", {}).get("validation")]) for label, runs in rows]
    known = [(label, runs) for label, runs in known if runs]
    if not known:
        return []
    epochs = known[0][1][0]["pace"]["epochs"]
    alike = [(label, runs) for label, runs in known if all(run["pace"]["epochs"] == epochs for run in runs)]
    curves = {label: np.mean([run["pace"]["validation"] for run in runs], axis=0) for label, runs in alike}
    if len(curves) < _LEAST_CELLS or len(epochs) < 2:
        return []
    shown = [[label, *(f"{value:.4f}" for value in curve)] for label, curve in curves.items()]
    taus = agreement(np.stack(list(curves.values())))
    shown.append(["*Kendall's τ with the last ranking*", *("–" if np.isnan(tau) else f"*{tau:.2f}*" for tau in taus)])
    head = ["epochs", *(str(epoch + 1) for epoch in epochs)]
    note = f"Validation {METRIC} by epoch, mean over seeds; the cosine schedule ends with the last epoch."
    return ["### When the ranking settles", note, table(head, shown, compact=True)]


def agreement(curves: np.ndarray) -> list[float]:
    """Return Kendall's τ between the ranking after each epoch and after the last: [cells, epochs] to [epochs]."""
    return [float(stats.kendalltau(column, curves[:, -1])[0]) for column in curves.T]
