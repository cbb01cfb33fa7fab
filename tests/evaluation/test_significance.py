from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recbole_adasid.evaluation.significance import difference, holm, relative_gain


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


def test_the_squared_error_is_that_of_a_literal_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((3, 5)) + [[0], [1], [3]], rng.random((2, 5)) + [[0], [2]]
    gap = [np.mean([row[user] for row in ours]) - np.mean([row[user] for row in theirs]) for user in range(5)]
    squared = sum((one - np.mean(gap)) ** 2 for one in gap) / 4 / 5
    uncertain = squared**2 / 4
    for side in (ours, theirs):
        n, means = len(side), [row.mean() for row in side]
        total = sum((mean - side.mean()) ** 2 for mean in means) / (n - 1) / n
        residuals = [side[a, u] - means[a] - side[:, u].mean() + side.mean() for a in range(n) for u in range(5)]
        alone = total - sum(one**2 for one in residuals) / ((n - 1) * 4) / (n * 5)
        squared += alone
        uncertain += alone * total / (n - 1)
    value = ours.mean() - theirs.mean()
    low, high = stats.t.interval(0.95, squared**2 / uncertain, value, np.sqrt(squared))
    found = difference(ours, theirs)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high))


def test_trainings_that_differ_no_more_than_their_noise_explains_add_nothing() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((2, 3, 50))
    ours, theirs = (side - side.mean(1, keepdims=True) for side in (ours, theirs))
    expected = stats.ttest_rel(ours.mean(0), theirs.mean(0)).confidence_interval(0.95)
    found = difference(ours, theirs)
    assert (found.low, found.high) == pytest.approx(expected)


def test_the_order_of_a_users_items_makes_no_difference_and_one_item_each_is_as_without_users() -> None:
    rng = np.random.default_rng(0)
    ours, theirs, users = rng.random((2, 60)), rng.random((3, 60)), np.repeat(np.arange(20), 3)
    shuffled = np.concatenate([3 * user + rng.permutation(3) for user in range(20)])
    assert difference(ours[:, shuffled], theirs, users=users) == pytest.approx(difference(ours, theirs, users=users))
    assert difference(ours, theirs, users=rng.permutation(60)) == difference(ours, theirs)


def test_equally_many_items_of_each_user_are_compared_as_the_users_means_are() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((2, 20, 3)), rng.random((3, 20, 3))
    found = difference(ours.reshape(2, 60), theirs.reshape(3, 60), users=np.repeat(np.arange(20), 3))
    assert found == pytest.approx(difference(ours.mean(2), theirs.mean(2)))


def test_the_error_over_users_is_the_cluster_robust_one() -> None:
    """By hand: the sum over users of the squared sum of their residuals, times U / (U - 1), over the squared rows."""
    rng = np.random.default_rng(0)
    ours, theirs, users = rng.random((1, 40)), rng.random((1, 40)), rng.integers(8, size=40)
    gap = (ours - theirs)[0]
    residuals = [sum(gap[row] - gap.mean() for row in range(40) if users[row] == user) for user in range(8)]
    error = np.sqrt(sum(one**2 for one in residuals) * 8 / 7) / 40
    low, high = stats.t.interval(0.95, 7, gap.mean(), error)
    found = difference(ours, theirs, users=users)
    assert (found.value, found.low, found.high) == pytest.approx((gap.mean(), low, high))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(gap.mean()) / error, 7))


def test_an_interval_holds_the_truth_as_often_as_it_says_where_users_repeat() -> None:
    """Users have one to twelve items, and those with more like ours more; trainings differ, too."""
    rng, held, as_if_single = np.random.default_rng(0), 0, 0
    for _ in range(400):
        sizes = rng.integers(1, 13, size=120)
        users = np.repeat(np.arange(120), sizes)
        taste = rng.normal(size=120) + 0.1 * sizes
        scores = rng.normal(size=(6, len(users))) + rng.normal(size=(6, 1)) * 0.02
        scores[:3] += taste[users]
        truth = 0.1 * (np.arange(1, 13) ** 2).mean() / np.arange(1, 13).mean()
        found, single = (difference(scores[:3], scores[3:], users=known) for known in (users, None))
        held += found.low <= truth <= found.high
        as_if_single += single.low <= truth <= single.high
    assert 0.92 <= held / 400 <= 0.98 and as_if_single / 400 < 0.7


def test_no_spread_at_all() -> None:
    assert difference(np.ones((2, 3)), np.ones((1, 3))) == (0.0, 0.0, 0.0, 1.0)
    assert difference(np.ones((2, 3)) * 2, np.ones((1, 3))) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("shapes", [((2, 5), (2, 6)), ((5,), (5,)), ((2, 1), (2, 1))])
def test_other_users_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"pass \[trainings, users\], at least two users"):
        difference(np.zeros(shapes[0]), np.zeros(shapes[1]))


@pytest.mark.parametrize("users", [[4, 4, 4], [1, 2]])
def test_items_of_one_user_and_of_unknown_ones_are_refused(users: list[int]) -> None:
    with pytest.raises(ValueError, match="at least two users"):
        difference(np.zeros((1, 3)), np.zeros((1, 3)), users=users)


def test_holms_correction_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_a_gain_in_one_metric_is_the_difference_as_a_share_where_both_sides_are_nearly_as_good() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.random((3, 40)) + 1
    ours = theirs + rng.normal(size=(3, 40)) * 1e-6
    users = np.repeat(np.arange(20), 2)
    found, expected = relative_gain([(ours[None], theirs[None], users)]), difference(ours, theirs, users=users)
    shares = [expected.value, expected.low, expected.high] / theirs.mean()
    assert (found.value, found.low, found.high) == pytest.approx(shares, rel=1e-3)
    assert found.p == pytest.approx(expected.p, rel=1e-3)


def test_a_gain_is_the_mean_ratio_of_all_metrics_and_datasets() -> None:
    rng = np.random.default_rng(0)
    tests = [
        (rng.random((2, 3, 30)), rng.random((2, 2, 30)), None),
        (rng.random((2, 1, 9)), rng.random((2, 4, 9)), None),
    ]
    ratios = [ours[m].mean() / theirs[m].mean() for ours, theirs, _ in tests for m in range(2)]
    found = relative_gain(tests)
    assert found.value == pytest.approx(np.mean(ratios) - 1)
    assert found.low < found.value < found.high


def test_the_error_of_a_gain_is_that_of_resampling_users_and_trainings() -> None:
    """A bootstrap of users and of trainings, enough of both; noise of single values, counted twice, is small."""
    rng = np.random.default_rng(0)
    tests = []
    for users, level in ((150, 0.3), (90, 0.5)):
        taste = rng.normal(size=users) * 0.1
        trainings = rng.normal(size=(2, 40, 1)) * 0.01
        scores = level + taste + trainings + rng.normal(size=(2, 40, users)) * 0.02
        scores[0] *= 1.1 + 0.3 * rng.random(users)
        tests.append((np.stack([scores[0], scores[0] ** 2]), np.stack([scores[1], scores[1] ** 2])))
    found = relative_gain([(*sides, None) for sides in tests])
    values = []
    for _ in range(600):
        ratios = []
        for sides in tests:
            users = rng.integers(sides[0].shape[2], size=sides[0].shape[2])
            ours, theirs = (side[:, rng.integers(40, size=40)][:, :, users].mean((1, 2)) for side in sides)
            ratios.append((ours / theirs).mean())
        values.append(np.mean(ratios) - 1)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(values), rel=0.1)


def test_no_share_of_nothing_can_be_told() -> None:
    with pytest.raises(ValueError, match="a metric that is 0"):
        relative_gain([(np.ones((1, 2, 3)), np.zeros((1, 2, 3)), None)])
    with pytest.raises(ValueError, match="at least two users"):
        relative_gain([(np.ones((1, 2, 3)), np.ones((1, 2, 4)), None)])
