"""RecBole's metrics on recommended items rather than hits: the same values on full lists, without loops over users.

Item 0 marks an empty place: it is neither covered nor counted, and has popularity 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recbole.evaluator import metrics

Items = NDArray[np.int64]
"""Recommended item ids [U, k]; 0: none."""


class ItemCoverage(metrics.ItemCoverage):  # type: ignore[misc]
    """Share of RecBole's items (padding included) that are recommended to anyone."""

    def get_coverage(self, item_matrix: Items, num_items: int) -> float:
        """Return the coverage of the lists."""
        return len(_counts(item_matrix)) / num_items


class ShannonEntropy(metrics.ShannonEntropy):  # type: ignore[misc]
    """Entropy of the recommended items, divided by the number of distinct ones, as in RecBole."""

    def get_entropy(self, item_matrix: Items) -> float:
        """Return the entropy of the lists."""
        counts = _counts(item_matrix)
        share = counts / max(1, counts.sum())
        return float(-(share * np.log(share)).sum() / max(1, len(counts)))


class GiniIndex(metrics.GiniIndex):  # type: ignore[misc]
    """Inequality of recommendation: 0 if all items are recommended equally often, near 1 if always the same few."""

    def get_gini(self, item_matrix: Items, num_items: int) -> float:
        """Return the Gini index of the lists."""
        counts = np.sort(_counts(item_matrix))
        places = np.arange(num_items - len(counts) + 1, num_items + 1)
        return float(((2 * places - num_items - 1) * counts).sum() / max(1, counts.sum()) / num_items)


class AveragePopularity(metrics.AveragePopularity):  # type: ignore[misc]
    """Mean number of training examples of the recommended items."""

    def get_pop(self, item_matrix: Items, item_count: Mapping[int, int]) -> Items:
        """Return the training examples of each item [U, k]."""
        return _looked_up(item_matrix, list(item_count), list(item_count.values()))


class TailPercentage(metrics.TailPercentage):  # type: ignore[misc]
    """Share of the recommended items that are among the least popular ones; see `tail_ratio`."""

    def get_tail(self, item_matrix: Items, count_items: Mapping[int, int]) -> Items:
        """Mark by 1 or 0 which items [U, k] are in the tail."""
        ordered = sorted(count_items, key=lambda item: (count_items[item], item))
        if self.tail > 1:
            tail = [item for item in ordered if count_items[item] <= self.tail]
        else:
            tail = ordered[: max(int(len(ordered) * self.tail), 1)]
        return _looked_up(item_matrix, tail, [1] * len(tail))


BY_NAME = {
    kind.__name__.lower(): kind for kind in (ItemCoverage, ShannonEntropy, GiniIndex, AveragePopularity, TailPercentage)
}


def use_list_metrics(evaluator: Any) -> None:
    """Make a RecBole Evaluator use this module's classes for its list metrics."""
    for name in evaluator.metric_class.keys() & BY_NAME.keys():
        evaluator.metric_class[name] = BY_NAME[name](evaluator.config)


def _counts(items: Items) -> Items:
    """Return how often each distinct item is recommended."""
    return np.unique(items[items > 0], return_counts=True)[1]


def _looked_up(items: Items, keys: list[int], values: list[int]) -> Items:
    """Return the value of each item [U, k], 0 where there is none."""
    table = np.zeros(max([int(items.max(initial=0)), *keys]) + 1, dtype=np.int64)
    table[keys] = values
    return table[items]
