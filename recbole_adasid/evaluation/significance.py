"""Is one recommender better than another, given new trainings and other users?

A t-test over users alone ignores the variance between trainings. Here the error of a difference has three parts: users,
and the trainings of either side (a two-way random-effects model; Satterthwaite 1946). What a training does to single
users, their interaction, is in the variance over users and in that over trainings, and counts once. A user with several
held-out items is one draw, not several: the error over users is that of a ratio estimator, the sum of the metric over
the number of items, both of drawn users (Cochran 1977, 6.8; the cluster-robust variance).
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

    The squared standard error is s²(users) / U + [s²(ours) / A − i(ours)]₊ + [s²(theirs) / B − i(theirs)]₊. Here
    s²(users) is the variance over the U users of their shares in the mean difference, s²(ours) that of the mean over
    our A trainings, and i(ours) the squared error due to the interaction of our trainings with users, which s²(users)
    has already. A side with one training adds nothing, leaving an interval over users alone.

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


def _parts(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], user: NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Return the squared errors of a difference of means that are due to users, our and their trainings, each with its
    degrees of freedom.
    """
    sides = [np.stack([_shares(training, user) for training in side]) for side in (ours, theirs)]
    gap = sides[0].mean(0) - sides[1].mean(0)
    of_users = float(gap.var(ddof=1)) / len(gap), float(len(gap) - 1)
    return [of_users, _of_trainings(ours.mean(1), sides[0]), _of_trainings(theirs.mean(1), sides[1])]


def _of_trainings(means: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return the squared error due to one side's trainings alone, and its degrees of freedom.

    Args:
        means: of each training [A].
        shares: of each user in them [A, U].
    """
    n_trainings, n_users = shares.shape
    if n_trainings == 1:
        return 0.0, 1.0
    total = float(means.var(ddof=1)) / n_trainings
    residuals = shares - shares.mean(0) - shares.mean(1, keepdims=True) + shares.mean()
    interaction = float(np.square(residuals).sum()) / ((n_trainings - 1) * (n_users - 1)) / shares.size
    alone = total - interaction
    # The smaller the rest, the less the uncertainty of the total weighs.
    return (alone, (n_trainings - 1) * alone / total) if alone > 0 else (0.0, 1.0)


def _inferred(value: float, parts: Sequence[tuple[float, float]]) -> Difference:
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


def holm(p_values: list[float]) -> list[float]:
    """Return p-values corrected for multiple comparisons, in the same order (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    raised = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * left).clip(max=1.0)
    corrected = np.empty(len(p_values))
    corrected[order] = raised
    return corrected.tolist()
