from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.evaluation.full_ranking import first_places


def literal(scores: list[float], held_out: int, k: int) -> int:
    """The held-out item's rank, from 1; 0 where it is not among the first k: every equal stands before it."""
    better = sum(
        score >= scores[held_out] and score != -np.inf for item, score in enumerate(scores) if item != held_out
    )
    return better + 1 if better < k and scores[held_out] != -np.inf else 0


@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_held_out_item_stands_behind_its_equals_and_the_others_in_order(k: int) -> None:
    random = np.random.default_rng(0)
    scores = torch.from_numpy(random.integers(0, 4, size=(200, 7)).astype(np.float32))
    scores[:, 0] = -torch.inf
    scores[random.random((200, 7)) < 0.2] = -torch.inf
    held_out = torch.from_numpy(random.integers(1, 7, size=200))
    before = scores.clone()
    places = first_places(scores, held_out, k)
    assert places.shape == (200, k) and scores.equal(before)
    for row, item, given in zip(places.tolist(), held_out.tolist(), scores.tolist()):
        rank = literal(given, item, k)
        assert (row.index(item) + 1 if item in row else 0) == rank
        recommended = [other for other in row if other]
        assert len(set(recommended)) == len(recommended) == min(k, sum(score > -np.inf for score in given))
        assert row == recommended + [0] * (k - len(recommended))
        assert [given[other] for other in recommended] == sorted((given[other] for other in recommended), reverse=True)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(FloatingPointError, match="contain NaN"):
        first_places(torch.tensor([[-torch.inf, torch.nan, 1.0]]), torch.tensor([2]), 1)
