"""The results of a scorecard: table, landscape, and each tokenizer's use of its codewords."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_adasid.report.content.verdict import Tile, Verdict, summed_up
from recbole_adasid.report.content.verdict_findings import GOOD, MANY_COLLISIONS, NOTE, WARNING, Finding
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.table import summary
from recbole_adasid.tokenizer.quality import collapsed_levels
from recbole_adasid.tokenizer.usage import LevelUsage, code_usage

PROXY = "proxy_ndcg@10"
BETWEEN_SEEDS = 0.1
"""How far the proxy varies between seeds, as a share of its value; see docs/comparing.md."""
ENOUGH_SEEDS = 3


class ScorecardContent:
    """A scorecard's folder with its finished cells.

    Raises:
        FileNotFoundError: if there is no such folder, or no finished cell in it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / "cells.jsonl").is_file():
            raise FileNotFoundError(f"{self.path} has no cells.jsonl: give the folder of a scorecard, its --out")
        self.folder = CellFolder(self.path)
        if self.table.empty:
            raise FileNotFoundError(f"{self.path} has no finished cell: run the scorecard until at least one is done")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per tokenizer, best proxy first; see :func:`~recbole_adasid.scorecard.table.summary`."""
        return summary(self.folder)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table as plain values."""
        return self.table.to_dict("records")

    @cached_property
    def usages(self) -> list[TokenizerUsage]:
        """How each tokenizer of the table uses its codewords."""
        first = {cell.name: cell for cell in sorted(self.folder.cells(), key=lambda cell: -cell.seed)}
        return [_usage(self.folder, first[row["name"]]) for row in self.rows]


@dataclass(frozen=True)
class TokenizerUsage:
    """The levels of one training of a tokenizer."""

    title: str
    seed: int
    levels: list[LevelUsage]


def scorecard_verdict(card: ScorecardContent) -> Verdict:
    """Return the verdict on the table."""
    rows = card.rows
    leading = rows[0]
    found = [*_on_lead(rows), *_on_seeds(rows), *_on_collapse(card), *_on_collisions(rows)]
    tiles = [
        Tile("highest proxy", leading["title"], f"proxy NDCG@10 {leading[PROXY]:.4f}"),
        _best_tile(rows, "collision_rate", "fewest collisions", "{:.1%} of the items", lowest=True),
        _best_tile(rows, "min_perplexity", "most even use", "smallest perplexity {:.0f}"),
    ]
    if "embedding_agreement" in card.table and card.table["embedding_agreement"].notna().all():
        tiles.append(_best_tile(rows, "embedding_agreement", "keeps neighbours best", "agreement {:.2f}"))
    return summed_up(found, tiles, "The comparison looks sound")


def _on_lead(rows: list[dict[str, Any]]) -> list[Finding]:
    leading, *others = rows
    if not others:
        return []
    close = [row["title"] for row in others if row[PROXY] >= (1 - BETWEEN_SEEDS) * leading[PROXY]]
    text = f"{leading['title']} has the highest proxy NDCG@10, {leading[PROXY]:.4f}"
    if close:
        text += f". Within a tenth of it, the usual variation between seeds: {'; '.join(close)}."
        return [Finding(NOTE, "The lead is not clear", text)]
    return [Finding(GOOD, "One tokenizer leads", f"{text}, more than a tenth above all others.")]


def _on_seeds(rows: list[dict[str, Any]]) -> list[Finding]:
    few = [row["title"] for row in rows if row["seeds"] < ENOUGH_SEEDS]
    if not few:
        return []
    text = f"With fewer than {ENOUGH_SEEDS} seeds, chance cannot be told from merit: {'; '.join(few)}."
    return [Finding(NOTE, "Few seeds", text)]


def _on_collapse(card: ScorecardContent) -> list[Finding]:
    found = []
    for row, usage in zip(card.rows, card.usages):
        sizes = [level.size for level in usage.levels]
        n_items = int(usage.levels[0].loads.sum())
        levels = collapsed_levels(row, sizes, n_items)
        if levels:
            text = f"Averaged over seeds, on level {' and '.join(map(str, levels))}."
            found.append(Finding(WARNING, f"{row['title']} has collapsed", text))
    return found or [
        Finding(
            GOOD,
            "No tokenizer has collapsed",
            "On every level, perplexity is at least a tenth of its maximum.",
        )
    ]


def _on_collisions(rows: list[dict[str, Any]]) -> list[Finding]:
    many = [f"{row['title']} ({row['collision_rate']:.0%})" for row in rows if row["collision_rate"] > MANY_COLLISIONS]
    if not many:
        return []
    return [Finding(NOTE, "Many items share a Semantic ID", f"Share of items: {'; '.join(many)}.")]


def _best_tile(rows: list[dict[str, Any]], key: str, label: str, note: str, *, lowest: bool = False) -> Tile:
    best = (min if lowest else max)(rows, key=lambda row: row[key])
    return Tile(label, best["title"], note.format(best[key]))


def _usage(folder: CellFolder, cell: Cell) -> TokenizerUsage:
    codes = folder.codes(cell)
    # A level's size follows from the share of its codewords that are used.
    used = [len(np.unique(column)) for column in codes.T]
    sizes = [round(count / cell.figures[f"usage_{level}"]) for level, count in enumerate(used, start=1)]
    return TokenizerUsage(cell.title, cell.seed, code_usage(codes, sizes))
