from __future__ import annotations

import pytest
import torch

from recbole_adasid.evaluation.record import EvaluationRecord, first_hit

CODES = torch.tensor([[0, 0], [1, 1], [1, 1], [1, 2], [3, 1], [0, 0]])  # item 5 has padding's codes


def test_what_is_noted_by_hand() -> None:
    record = EvaluationRecord(CODES)
    record.add(torch.tensor([7, 8]), torch.tensor([[3, 2, 1], [4, 0, 0]]), torch.tensor([1, 3]))
    record.add(torch.tensor([9]), torch.tensor([[4, 0, 0]]), torch.tensor([5]))
    noted = {name: values.tolist() for name, values in record.take().items()}
    assert noted == {
        "user": [7, 8, 9],
        "item": [1, 3, 5],
        "rank": [3, 0, 0],
        "sid_rank": [2, 0, 0],
        "shared_prefix": [2, 0, 0],
        "missing": [0, 2, 2],
    }
    assert record.take() == {}


def test_the_same_item_twice_is_an_error_and_two_empty_places_are_not() -> None:
    record = EvaluationRecord(CODES)
    with pytest.raises(RuntimeError, match="twice"):
        record.add(torch.tensor([1]), torch.tensor([[2, 1, 2]]), torch.tensor([1]))


def test_the_first_hit_counts() -> None:
    hits = torch.tensor([[False, True, True], [False, False, False], [True, False, True]])
    assert first_hit(hits).tolist() == [2, 0, 1]
