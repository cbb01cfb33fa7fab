"""Is one recommender better than another, given new trainings and other users?

A t-test over users alone ignores the variance between trainings. Here the error of a difference has three parts: users,
and the trainings of either side (a two-way random-effects model; Satterthwaite 1946). A user with several held-out
items is one draw, not several: the error over users is that of a ratio estimator, the sum of the metric over the number
of items, both of drawn users (Cochran 1977, 6.8; the cluster-robust variance).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from recbole_adasid.evaluation.users import numbered_users


class Difference(NamedTuple):
    """How much better one side is, and how certain that is."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    p: float
    """For no difference at all, two-sided."""


def difference(ours: NDArray[np.float64], theirs: NDArray[np.float64], *, users: ArrayLike | None = None) -> Difference:
    """Compare two recommenders by the metric of each held-out item after each training, with a 95% interval.

    The squared standard error is s²(users) / U + s²(ours) / A + s²(theirs) / B, where s²(users) is the variance over
    the U users of their shares in the mean difference, and the others are the variances over trainings of the mean. A
    side with one training adds nothing, leaving an interval over users alone.

    Args:
        ours: [A, R], one row per training (seed), one column per held-out item.
        theirs: [B, R], columns of the same users. The order of a user's columns makes no difference.
        users: user of each column [R]; None: every column is of another user.

    Raises:
        ValueError: if the sides have different columns, or fewer than two users.
    """
    user = _checked_users(ours, theirs, users)
    return _inferred(float((ours.mean(0) - theirs.mean(0)).mean()), _parts(ours, theirs, user))


def relative_gain(tests: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], ArrayLike | None]]) -> Difference:
    """Return the relative gain of one recommender over another, the mean over metrics and datasets: 0.045 is 4.5%.

    The error is that of :func:`difference`, of ours / theirs to first order in both (the delta method). A dataset's
    users and trainings are its own, so errors of datasets are independent; those of a dataset's metrics are not.

    Args:
        tests: for each dataset, the metrics of each held-out item after each training, [M, A, R] of ours and [M, B, R]
            of theirs, and the user of each column [R] as in :func:`difference`.

    Raises:
        ValueError: as :func:`difference`, and if theirs has no hit for a metric.
    """
    ratios, parts = [], []
    for ours, theirs, users in tests:
        user = _checked_users(ours[0], theirs[0], users)
        mean, other = (side.mean((1, 2), keepdims=True) for side in (ours, theirs))
        if not other.all():
            raise ValueError("the other side has a metric that is 0, so the relative gain is undefined")
        ratios.append(float((mean / other).mean()))
        moved = (ours / other).mean(0), (theirs * mean / other**2).mean(0)
        parts += [(variance / len(tests) ** 2, freedom) for variance, freedom in _parts(*moved, user)]
    return _inferred(float(np.mean(ratios)) - 1, parts)


def _checked_users(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], users: ArrayLike | None
) -> NDArray[np.int64]:
    same = ours.ndim == theirs.ndim == 2 and ours.shape[1] == theirs.shape[1]
    user = numbered_users(np.arange(ours.shape[-1]) if users is None else users)
    if not same or len(user) != ours.shape[1] or user.max(initial=0) < 1:
        raise ValueError(
            f"the sides have shapes {ours.shape} and {theirs.shape}: pass [trainings, users], at least two users"
        )
    return user


def _parts(ours: NDArray[np.float64], theirs: NDArray[np.float64], user: NDArray[np.int64]) -> list[tuple[float, int]]:
    """Return the squared errors of a difference of means that are due to users, our and their trainings, each with its
    degrees of freedom.
    """
    shares = _shares(ours.mean(0) - theirs.mean(0), user)
    return [_part(shares), _part(ours.mean(1)), _part(theirs.mean(1))]


def _inferred(value: float, parts: Sequence[tuple[float, int]]) -> Difference:
    error = np.sqrt(sum(variance for variance, _ in parts))
    if error == 0:
        return Difference(value, value, value, float(value == 0))
    freedom = error**4 / sum(variance**2 / freedom for variance, freedom in parts if variance)
    low, high = stats.t.interval(0.95, freedom, value, error)
    return Difference(value, float(low), float(high), float(2 * stats.t.sf(abs(value) / error, freedom)))


def _shares(values: NDArray[np.float64], user: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each user's share in the mean of values [R]: shares [U] whose mean has the error of that mean.

    The mean is a ratio, sum over number, so a user who raises both as the others do adds no error. With one value per
    user, the shares are the values.
    """
    sizes = np.bincount(user)
    if len(sizes) == len(values):
        return values
    return (np.bincount(user, weights=values) - sizes * values.mean()) * len(sizes) / len(values)


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
