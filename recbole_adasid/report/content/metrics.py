"""The metrics of a run, side by side, and where hits come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Interval = tuple[float, float]
_TITLES = {
    **{"recall": "Recall", "ndcg": "NDCG", "mrr": "MRR", "hit": "Hit", "map": "MAP", "precision": "Precision"},
    **{"itemcoverage": "ItemCoverage", "averagepopularity": "AveragePopularity", "giniindex": "GiniIndex"},
    **{"tailpercentage": "TailPercentage", "shannonentropy": "ShannonEntropy"},
}


@dataclass(frozen=True)
class MetricRow:
    """One metric; None for what is not known."""

    name: str
    valid: float | None
    valid_interval: Interval | None
    valid_by_sid: float | None
    test: float | None
    test_interval: Interval | None
    test_by_sid: float | None
    popularity: float | None
    """On the test, if the most popular items were recommended to everybody."""

    @property
    def title(self) -> str:
        """The name as papers write it."""
        return metric_title(self.name)


@dataclass(frozen=True)
class SliceRow:
    """Some users of the test, by the item held out for them."""

    name: str
    users: int
    metrics: list[tuple[float | None, Interval | None]]
    """Each metric and its interval, where they are known."""


def metric_title(name: str) -> str:
    """Return the name of a metric as papers write it."""
    kind, at, k = name.partition("@")
    return f"{_TITLES.get(kind.lower(), kind)}{at}{k}"


def metric_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Return the rows of metrics.json, in its order."""
    parts = {
        name: metrics.get(name) or {}
        for name in (
            *("best_valid", "best_valid_intervals", "best_valid_by_semantic_ids"),
            *("test", "test_intervals", "test_by_semantic_ids", "test_by_popularity"),
        )
    }
    names = list(dict.fromkeys([*parts["best_valid"], *parts["test"]]))
    return [
        MetricRow(
            name=name,
            valid=parts["best_valid"].get(name),
            valid_interval=_interval(parts["best_valid_intervals"].get(name)),
            valid_by_sid=parts["best_valid_by_semantic_ids"].get(name),
            test=parts["test"].get(name),
            test_interval=_interval(parts["test_intervals"].get(name)),
            test_by_sid=parts["test_by_semantic_ids"].get(name),
            popularity=parts["test_by_popularity"].get(name),
        )
        for name in names
    ]


def headline(rows: list[MetricRow], valid_metric: str) -> MetricRow | None:
    """Return the row to judge a run by: the metric that chose the epoch, or else the first test metric."""
    tested = [row for row in rows if row.test is not None]
    chosen = [row for row in tested if row.name.lower() == valid_metric.lower()]
    return (chosen or tested or [None])[0]  # type: ignore[list-item]


def slice_table(evaluation: Mapping[str, Any]) -> tuple[list[str], list[SliceRow]]:
    """Return the names of metrics, and a row for each slice of the users."""
    slices, intervals = evaluation.get("slices") or {}, evaluation.get("intervals") or {}
    names = list(dict.fromkeys(key for found in slices.values() for key in found if key != "users"))
    rows = []
    for name, found in slices.items():
        own = intervals.get(name) or {}
        cells = [(found.get(metric), _interval(own.get(metric))) for metric in names]
        rows.append(SliceRow(name, int(found.get("users") or 0), cells))
    return names, rows


def _interval(bounds: Any) -> Interval | None:
    return (float(bounds[0]), float(bounds[1])) if bounds else None
