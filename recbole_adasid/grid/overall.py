"""The paper's claim as one number per baseline: AdaSID's relative gain, the mean over metrics and datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.evaluation.significance import Difference, relative_gain
from recbole_adasid.grid.paired_tables import USERS_ONLY, have_same_test, label_of, measured, per_user, ranked, users_of
from recbole_adasid.grid.published import PAPER, why_left_out
from recbole_adasid.grid.records import COMPARED, PAPER_METRICS, is_choice
from recbole_adasid.io.markdown import table

_NOTE = (
    f"The mean of the relative gains in {', '.join(PAPER_METRICS)}, over users and trainings, using the seeds that "
    "both sides share{}. With one seed on a dataset, interval and p ignore the variation between trainings."
)
Runs = dict[int, dict[str, Any]]


def overall(out: Path, records: Sequence[dict[str, Any]]) -> list[str]:
    """Compare AdaSID with each baseline and ablation over all datasets, for each setting that datasets share.

    Args:
        out: the grid's folder.
        records: finished cells of all settings.
    """
    return [
        part
        for common in dict.fromkeys(tuple(record["common"]) for record in records)
        for part in _setting(out, common, [r for r in records if tuple(r["common"]) == common and not is_choice(r)])
    ]


def _setting(out: Path, common: tuple[str, ...], records: list[dict[str, Any]]) -> list[str]:
    parts = [part for reference in COMPARED for part in _against(out, records, reference)]
    return [f"## All datasets {' '.join(common)}", *parts] if parts else []


def _against(out: Path, records: list[dict[str, Any]], reference: str) -> list[str]:
    datasets = [*dict.fromkeys(r["dataset"] for r in records if r["cell"] == reference)]
    own = {dataset: _ranked(out, records, reference, dataset) for dataset in datasets}
    otherwise = why_left_out(records) if PAPER.keys() & set(datasets) else []
    paper, rows = PAPER if reference == "adasid" and not otherwise else {}, []
    for name in (one for names in COMPARED[reference].values() for one in names):
        pairs = {dataset: _pair(out, own[dataset], _ranked(out, records, name, dataset)) for dataset in datasets}
        gains = {
            dataset: (_gain(out, [pair]), _printed(paper.get(dataset, {}), name))
            for dataset, pair in pairs.items()
            if pair
        }
        if not any(gain for gain, _ in gains.values()):
            continue
        seeds = [len(pair[0]) if pair else 0 for pair in pairs.values()]
        everywhere = _gain(out, [*filter(None, pairs.values())]) if len(gains) == len(datasets) > 1 else None
        label = next(label_of(dict(enumerate(pair[1]))) for pair in pairs.values() if pair)
        rows.append([label, " / ".join(map(str, seeds)), *(_cell(*gains.get(one, (None, ""))) for one in datasets)])
        rows[-1] += [_cell(everywhere, ""), f"{everywhere.p:.2g}{USERS_ONLY * (min(seeds) == 1)}" if everywhere else ""]
    if len(datasets) < 2 or not rows:
        return []
    head = [f"{label_of(next(filter(None, own.values())))} against", "seeds", *datasets, "all, 95% interval", "p"]
    note = _NOTE.format("; in brackets the paper's" if paper else "")
    return [note, table(head, rows, compact=True), *otherwise]


def _ranked(out: Path, records: list[dict[str, Any]], name: str, dataset: str) -> Runs:
    return ranked(out, [record for record in records if record["dataset"] == dataset], name)


def _pair(out: Path, ours: Runs, theirs: Runs) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """Return the runs of the seeds that both have; None if there are none, or they were tested on other items."""
    shared = sorted(ours.keys() & theirs.keys())
    pair = [ours[seed] for seed in shared], [theirs[seed] for seed in shared]
    return pair if shared and have_same_test(out, [*pair[0], *pair[1]]) else None


def _gain(out: Path, pairs: Sequence[tuple[list[dict[str, Any]], list[dict[str, Any]]]]) -> Difference | None:
    """Return the gain over all pairs; None if a metric was not measured, or is 0 for a baseline."""
    tests = []
    for pair in pairs:
        if len(measured(PAPER_METRICS, [*pair[0], *pair[1]])) < len(PAPER_METRICS):
            return None
        ours, theirs = (np.stack([per_user(out, side, metric) for metric in PAPER_METRICS]) for side in pair)
        if not theirs.any((1, 2)).all():
            return None
        tests.append((ours, theirs, np.sort(users_of(out, pair[0][0]))))
    return relative_gain(tests)


def _cell(gain: Difference | None, printed: str) -> str:
    return f"{gain.value:+.1%} [{gain.low:+.1%}, {gain.high:+.1%}]{printed}" if gain else ""


def _printed(paper: dict[str, list[float]], name: str) -> str:
    """Return the paper's own mean gain, in brackets."""
    if name not in paper or "adasid" not in paper:
        return ""
    return f" ({np.mean(np.divide(paper['adasid'], paper[name])) - 1:+.1%})"
