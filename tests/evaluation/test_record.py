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
        "sid_start": [2, 0, 0],
        "shared_prefix": [2, 0, 0],
        "missing": [0, 2, 2],
    }
    assert record.take() == {}


def test_semantic_ids_are_ranked_among_the_different_ones_and_items_by_their_places() -> None:
    record = EvaluationRecord(CODES)
    record.add(torch.tensor([1, 2]), torch.tensor([[1, 2, 4, 3], [4, 1, 2, 0]]), torch.tensor([3, 2]))
    noted = record.take()
    assert noted["sid_start"].tolist() == [4, 2]
    assert noted["sid_rank"].tolist() == [3, 2]
    assert noted["rank"].tolist() == [4, 3]


def test_ranks_of_semantic_ids_equal_a_walk_through_the_list() -> None:
    random = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 3, (40, 2), generator=random)
    lists = torch.stack([torch.randperm(39, generator=random)[:8] + 1 for _ in range(60)])
    lists[::7, 5:] = 0
    targets = torch.randint(1, 40, (60,), generator=random)
    record = EvaluationRecord(codes)
    record.add(torch.arange(60), lists, targets)
    expected = []
    for items, target in zip(lists.tolist(), targets.tolist()):
        different = list(dict.fromkeys(tuple(codes[item].tolist()) for item in items if item))
        wanted = tuple(codes[target].tolist())
        expected.append(different.index(wanted) + 1 if wanted in different else 0)
    assert record.take()["sid_rank"].tolist() == expected
    assert 0 < sum(rank > 0 for rank in expected) < 60


@pytest.mark.parametrize("item", [-1, len(CODES)])
def test_what_is_no_item_is_an_error(item: int) -> None:
    message = "^an invalid item was recommended; please report this, it should be impossible$"
    with pytest.raises(RuntimeError, match=message):
        EvaluationRecord(CODES).add(torch.tensor([1]), torch.tensor([[2, 1, item]]), torch.tensor([1]))


def test_the_same_item_twice_is_an_error_and_two_empty_places_are_not() -> None:
    record = EvaluationRecord(CODES)
    message = "^an item was recommended twice to one user; please report this, it should be impossible$"
    for items in ([2, 1, 2], [1, 3, 1]):
        with pytest.raises(RuntimeError, match=message):
            record.add(torch.tensor([1]), torch.tensor([items]), torch.tensor([1]))
    record.add(torch.tensor([1]), torch.tensor([[2, 0, 0]]), torch.tensor([1]))


def test_the_first_hit_counts() -> None:
    hits = torch.tensor([[False, True, True], [False, False, False], [True, False, True]])
    assert first_hit(hits).tolist() == [2, 0, 1]


def test_of_items_without_semantic_ids_nothing_is_noted_but_items() -> None:
    record = EvaluationRecord()
    record.add(torch.tensor([7, 8]), torch.tensor([[3, 2, 99], [4, 0, 0]]), torch.tensor([2, 3]))
    noted = {name: values.tolist() for name, values in record.take().items()}
    assert noted == {"user": [7, 8], "item": [2, 3], "rank": [2, 0], "missing": [0, 2]}
