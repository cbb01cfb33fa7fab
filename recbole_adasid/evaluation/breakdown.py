"""Where hits come from: slices of users by held-out item, and Semantic IDs versus items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.evaluation.metric_intervals import bootstrap_intervals, gains, mean_gains
from recbole_adasid.evaluation.record import Record
from recbole_adasid.evaluation.users import count_users

METRICS = ("recall@10", "ndcg@10")
COLD, WARM = "cold: no training interaction", "warm: one or more"
"""Names of the two slices for items without and with training interactions."""


def breakdown(
    record: Record,
    group_sizes: NDArray[np.int64] | None,
    popularity: NDArray[np.int64],
    metrics: Sequence[str] = METRICS,
) -> dict[str, Any]:
    """Return metrics as a nested dict: ``items``, ``semantic_ids``, ``slices``, ``prefix_recall`` and ``rates``.

    ``users`` counts different users, as in every slice, and ``interactions`` held-out items, which all means are over.
    ``intervals`` has the 95% intervals of two slices: items without training interactions, and the others.

    Args:
        record: one row per held-out item.
        group_sizes: [N + 1], how many items share each item's Semantic ID; None: items have none, and the metrics on
            them are left out.
        popularity: [N + 1], training interactions of each item.
        metrics: metrics of everything except ``prefix_recall`` and ``rates``.
    """
    sizes = None if group_sizes is None else group_sizes[record["item"]]
    counts = popularity[record["item"]]
    # No duplicates or non-items here: the record rejects both when filled.
    return {
        "users": count_users(record["user"]),
        "interactions": len(record["rank"]),
        "items": mean_gains(record["rank"], metrics),
        **({} if sizes is None else _by_semantic_ids(record, sizes, metrics)),
        "slices": _slices(record, sizes, counts, metrics),
        "intervals": {
            name: bootstrap_intervals(record["rank"][mask], metrics, users=record["user"][mask])
            for name, mask in _cold_and_warm(counts).items()
        },
        "rates": {"missing": float((record["missing"] > 0).mean()), "duplicate": 0.0, "invalid": 0.0},
    }


def _by_semantic_ids(record: Record, sizes: NDArray[np.int64], metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "semantic_ids": mean_gains(record["sid_rank"], metrics),
        "shared_semantic_ids": {metric: within_groups(record["sid_start"], sizes, metric) for metric in metrics},
        "prefix_recall": prefix_recall(record["shared_prefix"]),
    }


def within_groups(start: NDArray[np.int64], sizes: NDArray[np.int64], metric: str) -> dict[str, float]:
    """Return the metric if each Semantic ID expanded to its items in sequence, with the held-out one first
    (``optimistic``), at a random position (``expected``) or last (``pessimistic``).

    Args:
        start: place of the first item with the held-out item's Semantic ID [R], 0 if there is none.
        sizes: number of items with it [R].
    """
    last = np.where(start > 0, start + sizes - 1, 0)
    expected = np.zeros(len(start))
    k = int(metric.partition("@")[2])  # later places gain nothing, however many items share a Semantic ID
    for place in range(min(k, int(sizes.max(initial=1)))):
        inside = (start > 0) & (place < sizes)
        expected += np.where(inside, gains(np.where(inside, start + place, 0), metric) / sizes, 0.0)
    return {
        "optimistic": float(gains(start, metric).mean()),
        "expected": float(expected.mean()),
        "pessimistic": float(gains(last, metric).mean()),
    }


def prefix_recall(shared_prefix: NDArray[np.int64]) -> list[float]:
    """Return, for l = 1, 2, …, the share of lists with an item that shares the held-out one's first l codes: the level
    where the share drops is where the beam lost it.
    """
    return [float((shared_prefix >= length).mean()) for length in range(1, int(shared_prefix.max(initial=0)) + 1)]


def _slices(
    record: Record, sizes: NDArray[np.int64] | None, counts: NDArray[np.int64], metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    seen = counts[counts > 0]
    # Bounds that occur: one between two counts, rounded for the name, might be a count of the next slice.
    low, high = np.quantile(seen, [1 / 3, 2 / 3], method="lower") if len(seen) else (0, 0)
    shared = {"of its own": (1, 1), "shared by 2": (2, 2), "shared by 3 or more": (3, np.inf)}
    masks: dict[str, NDArray[np.bool_]] = {
        **({} if sizes is None else {f"Semantic ID {n}": (sizes >= a) & (sizes <= b) for n, (a, b) in shared.items()}),
        **_cold_and_warm(counts),
        f"rare: 1 to {low:.0f}": (counts > 0) & (counts <= low),
        f"middling: to {high:.0f}": (counts > low) & (counts <= high),
        "popular: more": counts > high,
    }
    return {
        name: {"users": float(count_users(record["user"][mask])), **mean_gains(record["rank"][mask], metrics)}
        for name, mask in masks.items()
    }


def _cold_and_warm(counts: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    return {COLD: counts == 0, WARM: counts > 0}
