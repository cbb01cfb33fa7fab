"""The scorecard's table: one row per tokenizer, mean and standard deviation over its seeds."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from recbole_adasid.io.markdown import table as markdown_table
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.tokenizer.agreement import stability

SHOWN = {
    "proxy_ndcg@10": "proxy NDCG@10",
    "sid_entropy": "SID entropy",
    "mean_perplexity": "mean perplexity",
    "min_perplexity": "min. perplexity",
    "mean_top1_load": "top-1 load",
    "unique_sids": "unique SIDs",
    "collision_rate": "collision rate",
    "largest_collision_group": "largest group",
    "embedding_agreement": "embedding agreement",
    "swing_agreement": "Swing agreement",
    "stability_1": "stability",
}
"""Columns of the Markdown table and their headings; the other files have every figure."""


def summary(folder: CellFolder) -> pd.DataFrame:
    """Return one row per tokenizer: ``title``, ``seeds``, and for every figure its mean and, as ``…_sd``, its standard
    deviation over seeds (ddof 1; NaN for one seed), best proxy first.
    """
    cells = folder.cells()
    rows = [_row(name, [cell for cell in cells if cell.name == name], folder) for name in _names(cells)]
    table = pd.DataFrame(rows)
    return table.sort_values("proxy_ndcg@10", ascending=False, ignore_index=True) if len(table) else table


def markdown(table: pd.DataFrame) -> str:
    """Return the main columns as a Markdown table, mean ± standard deviation."""
    return markdown_table(headings(table), shown_cells(table), compact=True)


def headings(table: pd.DataFrame) -> list[str]:
    """Return the headings of the main columns."""
    return ["tokenizer", "seeds", *(title for key, title in SHOWN.items() if key in table), "perplexity by level"]


def shown_cells(table: pd.DataFrame) -> list[list[str]]:
    """Return the rows of the main columns as strings, mean ± standard deviation."""
    columns = [key for key in SHOWN if key in table]
    levels = [key for key in table if re.fullmatch(r"perplexity_\d+", key)]  # tokenizers may have different numbers
    return [
        [
            str(row["title"]),
            str(row["seeds"]),
            *(_figure(row[key], row.get(f"{key}_sd", np.nan)) for key in columns),
            ", ".join(f"{row[key]:.0f}" for key in levels if not np.isnan(row[key])),
        ]
        for row in table.to_dict("records")
    ]


def _names(cells: list[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.name for cell in cells))


def _row(name: str, cells: list[Cell], folder: CellFolder) -> dict[str, Any]:
    figures = pd.DataFrame([cell.figures for cell in cells])
    mean, deviation = figures.mean(), figures.std(ddof=1)
    row: dict[str, Any] = {"name": name, "title": cells[-1].title, "seeds": len(cells)}
    for key in figures:
        row |= {key: mean[key], f"{key}_sd": deviation[key]}
    return row | _stability([folder.codes(cell) for cell in cells])


def _stability(codes: list[np.ndarray]) -> dict[str, float]:
    """Return the mean stability over all pairs of seeds; empty for one seed or codes of different shapes."""
    pairs = [stability(a, b) for a, b in combinations(codes, 2) if a.shape == b.shape]
    return {key: float(np.mean([pair[key] for pair in pairs])) for key in pairs[0]} if pairs else {}


def _figure(mean: float, deviation: float) -> str:
    if np.isnan(mean):
        return ""
    digits = 4 if abs(mean) < 0.1 else 3 if abs(mean) < 10 else 1
    spread = "" if np.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{mean:.{digits}f}{spread}"
