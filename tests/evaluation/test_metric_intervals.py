from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from recbole_adasid.evaluation import metric_intervals
from recbole_adasid.evaluation.metric_intervals import bootstrap_intervals, gains, mean_gains, told_by_ranks


def test_gains_by_hand() -> None:
    ranks = [1, 3, 0, 6]
    assert gains(ranks, "recall@5").tolist() == gains(ranks, "Hit@5").tolist() == [1, 1, 0, 0]
    assert gains(ranks, "NDCG@5").tolist() == pytest.approx([1, 1 / math.log2(4), 0, 0])
    assert gains(ranks, "mrr@10").tolist() == pytest.approx([1, 1 / 3, 0, 1 / 6])
    with pytest.raises(ValueError, match="recall, hit, ndcg and mrr"):
        gains(ranks, "gauc@5")


def test_a_mean_over_no_user_is_nan_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(mean_gains(np.zeros(0, dtype=np.int64), ["recall@5"])["recall@5"])
    assert mean_gains(np.array([1, 0, 2, 0]), ["recall@5", "mrr@5"]) == {"recall@5": 0.5, "mrr@5": 0.375}


def test_metrics_that_a_rank_tells_are_known_in_whatever_case() -> None:
    given = ["Recall@5", "hit@5", "NDCG@10", "mrr@1", "itemcoverage@10", "gauc"]
    assert told_by_ranks(given) == given[:4]


def test_half_of_the_resampled_means_lie_in_an_interval_of_one_half() -> None:
    ranks = np.r_[np.ones(300), np.zeros(700)]
    low, high = bootstrap_intervals(ranks, ["recall@5"], level=0.5)["recall@5"]
    error = 0.6745 * math.sqrt(0.3 * 0.7 / 1000)
    assert low == pytest.approx(0.3 - error, abs=0.0025) and high == pytest.approx(0.3 + error, abs=0.0025)


def test_resamples_are_those_of_seed_0_unless_another_is_given() -> None:
    ranks = np.random.default_rng(0).integers(12, size=50)
    first, other = (bootstrap_intervals(ranks, ["ndcg@10"], seed=seed) for seed in (0, 1))
    assert bootstrap_intervals(ranks, ["ndcg@10"]) == first != other


def test_many_users_are_drawn_in_smaller_parts_without_another_result(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks, drawn = np.random.default_rng(0).integers(12, size=50), []
    expected = bootstrap_intervals(ranks, ["ndcg@10"])["ndcg@10"]
    one_part = metric_intervals._resampled_means
    monkeypatch.setattr(metric_intervals, "_DRAWS_AT_ONCE", 170)
    monkeypatch.setattr(metric_intervals, "_resampled_means", lambda *given: drawn.append(given[2]) or one_part(*given))
    assert bootstrap_intervals(ranks, ["ndcg@10"])["ndcg@10"] == pytest.approx(expected, rel=1e-12)
    assert drawn == [3] * 333 + [1]


def test_one_user_has_no_interval() -> None:
    assert bootstrap_intervals(np.array([1]), ["ndcg@10"]) == {}
    assert bootstrap_intervals(np.array([1, 0]), ["ndcg@10"], users=["a", "a"]) == {}
    assert bootstrap_intervals(np.array([1, 0]), ["ndcg@10"], users=["a", "b"])


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    ranks = np.r_[np.ones(300), np.zeros(700)]
    low, high = bootstrap_intervals(ranks, ["recall@5"])["recall@5"]
    error = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert low == pytest.approx(0.3 - error, abs=0.005) and high == pytest.approx(0.3 + error, abs=0.005)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_both_ends_are_the_quantiles_of_literally_resampled_means(level: float) -> None:
    """Few users with a rare hit: the means are skewed, so that no end follows from the other."""
    ranks = np.r_[np.ones(2), np.zeros(13)]
    random = np.random.default_rng(7)
    means = []
    for _ in range(20):  # so many times 50 resamples
        means += [ranks[row].mean() for row in random.integers(15, size=(50, 15))]
    ordered = sorted(means)

    def quantile(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        return ordered[below] + (place - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])

    low, high = bootstrap_intervals(ranks, ["recall@5"], level=level, seed=7)["recall@5"]
    assert low == pytest.approx(quantile((1 - level) / 2)) and high == pytest.approx(quantile((1 + level) / 2))
    assert high - np.mean(means) > 1.01 * (np.mean(means) - low)


def test_intervals_repeat_cover_the_mean_and_widen_with_their_level() -> None:
    ranks = np.random.default_rng(0).integers(12, size=400)
    narrow, wide = (bootstrap_intervals(ranks, ["ndcg@10"], level=level)["ndcg@10"] for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < gains(ranks, "ndcg@10").mean() < narrow[1] < wide[1]
    assert bootstrap_intervals(ranks, ["ndcg@10"], level=0.5)["ndcg@10"] == narrow


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(1)
    held = 0
    for seed in range(100):
        sample = random.binomial(1, 0.2, size=300)
        low, high = bootstrap_intervals(sample, ["recall@1"], seed=seed)["recall@1"]
        held += low <= 0.2 <= high
    assert 88 <= held <= 100


def test_users_of_one_row_each_have_the_numbers_that_rows_have() -> None:
    ranks, random = np.random.default_rng(0).integers(12, size=80), np.random.default_rng(1)
    expected = bootstrap_intervals(ranks, ["ndcg@10", "recall@5"])
    users = random.permutation(500)[:80]
    assert bootstrap_intervals(ranks, ["ndcg@10", "recall@5"], users=users) == expected


def test_the_rows_of_a_user_are_drawn_together() -> None:
    ranks, users = np.array([1, 0, 1, 1, 0, 0, 2]), np.array([9, 4, 9, 9, 4, 7, 7])
    rows, random, means = [[0, 2, 3], [1, 4], [5, 6]], np.random.default_rng(3), []
    for _ in range(20):  # so many times 50 resamples
        for drawn in random.integers(3, size=(50, 3)):
            chosen = [row for user in drawn for row in rows[user]]
            means.append((ranks[chosen] > 0).mean())
    low, high = bootstrap_intervals(ranks, ["recall@5"], users=users, seed=3)["recall@5"]
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_about_95_of_100_intervals_hold_the_truth_where_users_repeat() -> None:
    """Users have one or nine rows, those with nine hit more often, and each has a rate of their own."""
    random, held, of_rows = np.random.default_rng(2), 0, 0
    for seed in range(100):
        sizes = np.where(random.random(150) < 0.5, 1, 9)
        rates = np.where(sizes == 1, 0.1, random.beta(0.2, 0.6, size=150))
        users = np.repeat(np.arange(150), sizes)
        ranks = random.binomial(1, rates[users])
        truth = (1 * 0.1 + 9 * 0.25) / 10
        for grouped in (True, False):
            known = users if grouped else None
            low, high = bootstrap_intervals(ranks, ["recall@1"], users=known, seed=seed)["recall@1"]
            inside = low <= truth <= high
            held, of_rows = held + (grouped and inside), of_rows + (not grouped and inside)
    assert 88 <= held <= 100 and of_rows < 75


def test_unknown_metrics_and_no_users_give_nothing() -> None:
    assert bootstrap_intervals([1, 2], ["itemcoverage@5"]) == {}
    assert bootstrap_intervals([], ["recall@5"]) == {}
