"""Is one recommender better than another, given new trainings and other users?

A t-test over users alone ignores the variance between trainings. Here the error of a difference has three parts: users,
and the trainings of either side (a two-way random-effects model; Satterthwaite 1946).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats


class Difference(NamedTuple):
    """How much better one side is, and how certain that is."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    p: float
    """For no difference at all, two-sided."""


def difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Difference:
    """Compare two recommenders by each user's metric after each training, with a 95% interval.

    The squared standard error is s²(users) / U + s²(ours) / A + s²(theirs) / B, where s²(users) is the variance over
    users of the mean difference, and the others are the variances over trainings of the mean. A side with one training
    adds nothing, leaving an interval over users alone.

    Args:
        ours: [A, U], one row per training (seed), one column per user.
        theirs: [B, U], the same users.

    Raises:
        ValueError: if the sides have different users, or fewer than two.
    """
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1] or ours.shape[1] < 2:
        raise ValueError(
            f"the sides have shapes {ours.shape} and {theirs.shape}: pass [trainings, users], at least two users"
        )
    by_user = ours.mean(0) - theirs.mean(0)
    parts = [_part(by_user), _part(ours.mean(1)), _part(theirs.mean(1))]
    error = np.sqrt(sum(variance for variance, _ in parts))
    value = float(by_user.mean())
    if error == 0:
        return Difference(value, value, value, float(value == 0))
    freedom = error**4 / sum(variance**2 / freedom for variance, freedom in parts if variance)
    low, high = stats.t.interval(0.95, freedom, value, error)
    return Difference(value, float(low), float(high), float(2 * stats.t.sf(abs(value) / error, freedom)))


def _part(values: NDArray[np.float64]) -> tuple[float, int]:
    """Return the squared standard error of a mean, and its degrees of freedom."""
    n = len(values)
    return (float(values.var(ddof=1)) / n, n - 1) if n > 1 else (0.0, 1)


def holm(p_values: list[float]) -> list[float]:
    """Return p-values corrected for multiple comparisons, in the same order (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    raised = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * left).clip(max=1.0)
    corrected = np.empty(len(p_values))
    corrected[order] = raised
    return corrected.tolist()
