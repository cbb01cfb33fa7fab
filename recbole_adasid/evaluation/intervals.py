"""Confidence intervals of ranking metrics by resampling users (percentile bootstrap; Efron 1979)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
RANK_METRICS = ("recall", "hit", "ndcg", "mrr")
_AT_ONCE = 50  # resamples in memory at once


def gains(ranks: ArrayLike, metric: str) -> NDArray[np.float64]:
    """Return each user's metric [U] from the rank of the held-out item: from 1, 0 if it was not recommended.

    Args:
        metric: ``recall@k``, ``hit@k``, ``ndcg@k`` or ``mrr@k``, with one held-out item per user.

    Raises:
        ValueError: for another metric.
    """
    name, _, k = metric.lower().partition("@")
    rank = np.asarray(ranks, dtype=np.float64)
    found = (rank > 0) & (rank <= int(k))
    place = np.maximum(rank, 1)
    if name in ("recall", "hit"):
        return found.astype(np.float64)
    if name == "ndcg":
        return np.where(found, 1 / np.log2(place + 1), 0.0)
    if name == "mrr":
        return np.where(found, 1 / place, 0.0)
    raise ValueError(
        f"the metric {metric!r} cannot be computed from one rank per user: valid are recall, hit, ndcg and mrr"
    )


def told_by_ranks(metrics: Iterable[str]) -> list[str]:
    """Return the metrics that :func:`gains` supports."""
    return [metric for metric in metrics if metric.lower().partition("@")[0] in RANK_METRICS]


def mean_gains(ranks: NDArray[np.int64], metrics: Iterable[str]) -> dict[str, float]:
    """Return the mean over users of each metric, see :func:`gains`; NaN without users."""
    return {metric: float(gains(ranks, metric).mean()) if len(ranks) else float("nan") for metric in metrics}


def bootstrap_intervals(
    ranks: ArrayLike, metrics: Iterable[str], *, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return the interval of each metric's mean over users; metrics that :func:`gains` does not support are left out.

    Args:
        ranks: of the held-out items [U].
        level: share of resampled means inside.
        seed: of the resampling; all metrics use the same resamples.
    """
    known = told_by_ranks(metrics)
    n_users = len(np.asarray(ranks))
    if not known or not n_users:
        return {}
    values = np.stack([gains(ranks, metric) for metric in known], axis=1)
    random = np.random.default_rng(seed)
    means = np.concatenate([_resampled_means(values, _AT_ONCE, random) for _ in range(RESAMPLES // _AT_ONCE)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {metric: (float(a), float(b)) for metric, a, b in zip(known, low, high)}


def _resampled_means(values: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the means [count, M] of values [U, M] over users drawn with replacement."""
    n_users = len(values)
    drawn = random.integers(n_users, size=(count, n_users)) + n_users * np.arange(count)[:, None]
    times = np.bincount(drawn.ravel(), minlength=count * n_users).reshape(count, n_users)
    return times @ values / n_users
