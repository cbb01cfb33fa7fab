from __future__ import annotations

import math

import pytest
import torch

from recbole_adasid.model.dense.losses import Draws, full_softmax_loss, sampled_softmax_loss


def test_the_full_loss_is_the_mean_negative_log_softmax() -> None:
    torch.manual_seed(0)
    queries, keys, targets = torch.randn(5, 4), torch.randn(7, 4), torch.tensor([0, 6, 2, 2, 3])
    literal = 0.0
    for query, target in zip(queries, targets):
        scores = [float(query @ key) for key in keys]
        literal -= scores[target] - math.log(sum(math.exp(score) for score in scores))
    torch.testing.assert_close(full_softmax_loss(queries, keys, targets), torch.tensor(literal / 5))


def test_the_sampled_loss_lowers_the_score_of_a_draw_by_the_log_of_how_often_it_is_expected() -> None:
    torch.manual_seed(0)
    queries, keys, targets = torch.randn(4, 3), torch.randn(6, 3), torch.tensor([0, 5, 2, 2])
    weights = torch.tensor([1.0, 2.0, 3.0, 1.0, 2.0, 1.0])
    drawn = torch.tensor([2, 1, 4, 2, 0])
    literal = 0.0
    for query, target in zip(queries, targets.tolist()):
        expected = [5 * float(weight) / 10 for weight in weights]
        own = float(query @ keys[target])
        total = math.exp(own)
        for candidate in drawn.tolist():
            if candidate != target:
                total += math.exp(float(query @ keys[candidate]) - math.log(expected[candidate]))
        literal += math.log(total) - own
    log_probability = Draws(weights).log_probability
    found = sampled_softmax_loss(queries, keys[targets], targets, keys[drawn], drawn, log_probability)
    torch.testing.assert_close(found, torch.tensor(literal / 4))


def test_smoothing_lets_all_candidates_count_a_little() -> None:
    torch.manual_seed(0)
    queries, keys, targets = torch.randn(5, 4), torch.randn(7, 4), torch.tensor([0, 6, 2, 2, 3])
    literal = 0.0
    for query, target in zip(queries, targets):
        log_shares = torch.log_softmax(keys @ query, dim=0).tolist()
        literal -= 0.7 * log_shares[target] + 0.3 * sum(log_shares) / 7
    torch.testing.assert_close(full_softmax_loss(queries, keys, targets, 0.3), torch.tensor(literal / 5))


def test_smoothing_of_draws_weighs_each_by_the_inverse_of_how_likely_it_was() -> None:
    torch.manual_seed(0)
    queries, keys, targets = torch.randn(4, 3), torch.randn(6, 3), torch.tensor([0, 5, 2, 2])
    weights, drawn = torch.tensor([1.0, 2.0, 3.0, 1.0, 2.0, 1.0]), torch.tensor([2, 1, 4, 2, 0])
    tensors = (queries, keys[targets], targets, keys[drawn], drawn, Draws(weights).log_probability)
    literal = 0.0
    for query, target in zip(queries, targets.tolist()):
        inverse = [1 / float(weights[one]) for one in drawn]
        mean = sum(w * float(query @ keys[one]) for w, one in zip(inverse, drawn)) / sum(inverse)
        literal += 0.3 * (float(query @ keys[target]) - mean)
    expected = sampled_softmax_loss(*tensors) + literal / 4
    torch.testing.assert_close(sampled_softmax_loss(*tensors, 0.3), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_with_many_draws_the_corrected_loss_is_the_full_one_whatever_the_weights(smoothing: float) -> None:
    torch.manual_seed(0)
    queries, keys, targets = torch.randn(8, 4), torch.randn(20, 4), torch.arange(8)
    full = full_softmax_loss(queries, keys, targets, smoothing)
    for weights in (torch.ones(20), torch.arange(1.0, 21.0)):
        draws = Draws(weights)
        drawn = draws(100_000)
        found = sampled_softmax_loss(
            queries, keys[targets], targets, keys[drawn], drawn, draws.log_probability, smoothing
        )
        torch.testing.assert_close(found, full, atol=0.03, rtol=0)


def test_candidates_are_drawn_by_their_weights() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([1.0, 0.5, 4.0, 2.5])
    shares = torch.bincount(Draws(weights)(80_000), minlength=4) / 80_000
    torch.testing.assert_close(shares, weights / 8, atol=0.01, rtol=0)


def test_a_draw_is_the_candidate_in_whose_part_of_the_running_sum_a_number_falls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draws = Draws(torch.tensor([1.0, 1.0, 2.0]))
    torch.manual_seed(5)
    uniform = torch.rand(50, dtype=torch.float64).tolist()
    torch.manual_seed(5)
    assert draws(50).tolist() == [0 if at < 0.25 else 1 if at < 0.5 else 2 for at in uniform]
    # 1.0 stands for a number above a sum that was rounded down.
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64))
    assert draws(4).tolist() == [0, 1, 2, 2]
