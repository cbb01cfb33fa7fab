"""What a researcher looks at first: is the run healthy, and how good is it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recbole_adasid.evaluation.candidates import uses_beam
from recbole_adasid.report.content import verdict_findings as findings
from recbole_adasid.report.content.metrics import MetricRow, headline, metric_rows
from recbole_adasid.report.content.verdict_findings import NOTE, WARNING, Finding
from recbole_adasid.report.finished_run import FinishedRun

_ORDER = (WARNING, NOTE)


@dataclass(frozen=True)
class Tile:
    """A headline figure."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Verdict:
    """Summary, figures and findings, the most serious first."""

    summary: str
    tiles: list[Tile]
    findings: list[Finding]


def verdict(run: FinishedRun) -> Verdict:
    """Return the verdict on a run, without findings that need a missing or damaged file."""
    metrics = _or_nothing(lambda: run.metrics)
    evaluation = _or_nothing(lambda: run.evaluation)
    history = _or_nothing(lambda: run.history)
    quality = metrics.get("semantic_ids") or {}
    valid_metric = str(run.settings.get("valid_metric", ""))
    row = headline(metric_rows(metrics), valid_metric)
    sizes, n_items = list(run.bundle.sids.level_sizes), len(run.bundle.tokens)
    found: list[Finding] = []
    if row is not None:
        users = int(evaluation.get("users") or 0)
        found += [*findings.on_floor(row, users), *findings.on_width(row), *findings.on_sid_hits(row)]
    if quality:
        found += [*findings.on_levels(quality, sizes, n_items), *findings.on_collisions(quality, sizes)]
        found += findings.on_neighbours(quality)
    if history:
        found += findings.on_epochs(history["validation"], valid_metric)
        if history["tokenizer"]["step"]:
            found += findings.on_regulation(history["tokenizer"], str(run.settings.get("regulation", "none")))
    if uses_beam(run.settings):
        found += findings.on_missing(evaluation)
    return summed_up(found, [*_metric_tiles(row), *_quality_tiles(quality, sizes)], "The run looks healthy")


def summed_up(found: list[Finding], tiles: list[Tile], well: str) -> Verdict:
    """Return findings, most serious first, under a summary that counts them; ``well`` opens it if nothing warns."""
    warnings, notes = ([one for one in found if one.kind == kind] for kind in _ORDER)
    rest = [one for one in found if one.kind not in _ORDER]
    counted = f"{_counted(len(warnings), 'warning')}, {_counted(len(notes), 'note')}"
    return Verdict(f"{'Needs attention' if warnings else well}: {counted}.", tiles, [*warnings, *notes, *rest])


def _metric_tiles(row: MetricRow | None) -> list[Tile]:
    if row is None or row.test is None:
        return []
    note = "on the test set"
    if row.test_interval:
        note += f", 95% {row.test_interval[0]:.4f} to {row.test_interval[1]:.4f}"
    if row.popularity:
        times = row.test / row.popularity
        note += f"; {times:.{2 if times < 10 else 0}f} × popularity"
    return [Tile(row.title, f"{row.test:.4f}", note)]


def _quality_tiles(quality: dict[str, float], sizes: list[int]) -> list[Tile]:
    if not quality:
        return []
    even = sum(quality[f"perplexity_{level}"] / size for level, size in enumerate(sizes, start=1)) / len(sizes)
    tiles = [
        Tile("effective codeword use", f"{even:.0%}", f"mean perplexity {quality['mean_perplexity']:.0f}"),
        Tile(
            "items sharing a Semantic ID",
            f"{quality['collision_rate']:.1%}",
            f"largest group {quality['largest_collision_group']:.0f} items",
        ),
    ]
    if quality.get("embedding_agreement") is not None:
        tiles.append(Tile("neighbours kept", f"{quality['embedding_agreement']:.2f}", "0.5 is chance, 1 is perfect"))
    return tiles


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"


def _or_nothing(get: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return get()
    except (OSError, ValueError):
        return {}
