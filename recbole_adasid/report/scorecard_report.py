"""The report of a scorecard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.report.content.scorecard import ScorecardContent, scorecard_verdict
from recbole_adasid.report.view.chart import usage_chart
from recbole_adasid.report.view.landscape import landscape_svg
from recbole_adasid.report.view.page import Section, render_page
from recbole_adasid.scorecard.landscape import COLOUR, LABELS, SIZE, X, Y
from recbole_adasid.scorecard.outputs import LEGEND, heading
from recbole_adasid.scorecard.table import headings, shown_cells


def write_scorecard_report(folder: str | Path) -> Path:
    """Write report.html into a scorecard's folder and return its path.

    Raises:
        FileNotFoundError: if there is no scorecard, or no finished cell in it.
        CannotWrite: if the disk is full.
    """
    card = ScorecardContent(folder)
    page = render_page(heading(card.path), "Tokenizers compared before training a recommender", SECTIONS, card)
    return write_atomically(card.path / "report.html", page)


def _table(card: ScorecardContent) -> dict[str, Any]:
    return {"heads": headings(card.table), "rows": shown_cells(card.table), "legend": LEGEND}


def _landscape(card: ScorecardContent) -> dict[str, Any]:
    figures = [LABELS[key] for key in (X, Y, SIZE, COLOUR)]
    forms = {X: "{:.3f}", Y: "{:.3f}", SIZE: "{:.0f}", COLOUR: "{:.2f}"}
    rows = [(row["title"], [form.format(row[key]) for key, form in forms.items()]) for row in card.rows]
    return {"drawing": landscape_svg(card.rows), "figures": figures, "rows": rows}


def _usage(card: ScorecardContent) -> dict[str, Any]:
    charts = [[usage_chart(level) for level in usage.levels] for usage in card.usages]
    return {"usages": [(usage.title, usage.seed, own) for usage, own in zip(card.usages, charts)]}


SECTIONS: list[Section[ScorecardContent]] = [
    Section("verdict", "Verdict", "Verdict", lambda card: {"verdict": scorecard_verdict(card)}),
    Section("card_table", "How do they compare?", "Table", _table),
    Section("landscape", "How evenly are codewords used?", "Landscape", _landscape),
    Section("card_usage", "Code usage of each tokenizer", "Usage", _usage),
]
"""Sections of a scorecard's report."""
