"""Confidence intervals of ranking metrics by resampling users (percentile bootstrap; Efron 1979)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.evaluation.users import numbered_users

RESAMPLES = 1000
RANK_METRICS = ("recall", "hit", "ndcg", "mrr")
_AT_ONCE = 50  # resamples in memory at once, and fewer of many users
_DRAWS_AT_ONCE = 5_000_000


def gains(ranks: ArrayLike, metric: str) -> NDArray[np.float64]:
    """Return the metric of each held-out item [R] from its rank: from 1, 0 if it was not recommended.

    Args:
        metric: ``recall@k``, ``hit@k``, ``ndcg@k`` or ``mrr@k``, with one held-out item per row.

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
        f"the metric {metric!r} cannot be computed from one rank per row: valid are recall, hit, ndcg and mrr"
    )


def told_by_ranks(metrics: Iterable[str]) -> list[str]:
    """Return the metrics that :func:`gains` supports."""
    return [metric for metric in metrics if metric.lower().partition("@")[0] in RANK_METRICS]


def mean_gains(ranks: NDArray[np.int64], metrics: Iterable[str]) -> dict[str, float]:
    """Return the mean over rows of each metric, see :func:`gains`; NaN without rows."""
    return {metric: float(gains(ranks, metric).mean()) if len(ranks) else float("nan") for metric in metrics}


def bootstrap_intervals(
    ranks: ArrayLike,
    metrics: Iterable[str],
    *,
    users: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return the interval of each metric's mean over rows; metrics that :func:`gains` does not support are left out.

    The result is empty for a single user, whose mean has no spread.

    Args:
        ranks: of the held-out items [R].
        users: user of each rank [R]. The ranks of one user depend on each other, so they are drawn together or not at
            all. None: no two are of one user.
        level: share of resampled means inside.
        seed: of the resampling; all metrics use the same resamples.
    """
    known = told_by_ranks(metrics)
    n_rows = len(np.asarray(ranks))
    if not known or not n_rows:
        return {}
    user = np.arange(n_rows) if users is None else numbered_users(users)
    if not user.any():
        return {}
    by_metric = [np.bincount(user, weights=gains(ranks, metric)).astype(np.float64) for metric in known]
    sums = np.stack(by_metric, axis=1)
    sizes, random = np.bincount(user), np.random.default_rng(seed)
    count = max(1, min(_AT_ONCE, _DRAWS_AT_ONCE // len(sizes)))
    parts = [min(count, RESAMPLES - done) for done in range(0, RESAMPLES, count)]
    means = np.concatenate([_resampled_means(sums, sizes, part, random) for part in parts])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {metric: (float(a), float(b)) for metric, a, b in zip(known, low, high)}


def _resampled_means(
    sums: NDArray[np.float64], sizes: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the means [count, M] over the rows of users drawn with replacement, from each user's sums [U, M] over
    their rows, and the numbers of these [U].
    """
    n_users = len(sums)
    drawn = random.integers(n_users, size=(count, n_users)) + n_users * np.arange(count)[:, None]
    times = np.bincount(drawn.ravel(), minlength=count * n_users).reshape(count, n_users)
    return times @ sums / (times @ sizes)[:, None]
