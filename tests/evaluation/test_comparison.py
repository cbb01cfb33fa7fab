from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recbole_adasid.evaluation.comparison import difference, holm


def test_one_training_a_side_is_a_paired_t_test_over_users() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((1, 50)), rng.random((1, 50))
    expected = stats.ttest_rel(ours[0], theirs[0])
    found = difference(ours, theirs)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(expected.confidence_interval(0.95))


def test_users_without_a_spread_leave_welchs_test_over_trainings() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((3, 1)) + np.zeros(9), rng.random((4, 1)) + np.zeros(9)
    expected = stats.ttest_ind(ours[:, 0], theirs[:, 0], equal_var=False)
    assert difference(ours, theirs).p == pytest.approx(expected.pvalue)


def test_an_interval_holds_the_truth_as_often_as_it_says_where_trainings_differ() -> None:
    rng, held, users_alone = np.random.default_rng(0), 0, 0
    for _ in range(400):
        taste, seeds = rng.normal(size=300), rng.normal(size=6) * 0.3
        noise = rng.normal(size=(6, 300))
        scores = seeds[:, None] + noise
        scores[:3] += 0.2 + 0.2 * taste
        found = difference(scores[:3], scores[3:])
        held += found.low <= 0.2 + 0.2 * taste.mean() <= found.high
        test = stats.ttest_rel(scores[:3].mean(0), scores[3:].mean(0)).confidence_interval(0.95)
        users_alone += test.low <= 0.2 + 0.2 * taste.mean() <= test.high
    assert held / 400 >= 0.92 and users_alone / 400 < 0.6


def test_no_spread_at_all() -> None:
    assert difference(np.ones((2, 3)), np.ones((1, 3))) == (0.0, 0.0, 0.0, 1.0)
    assert difference(np.ones((2, 3)) * 2, np.ones((1, 3))) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("shapes", [((2, 5), (2, 6)), ((5,), (5,)), ((2, 1), (2, 1))])
def test_other_users_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"pass \[trainings, users\], at least two users"):
        difference(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_holms_correction_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0] and holm([]) == []
