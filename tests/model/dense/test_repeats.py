from __future__ import annotations

import pytest
import torch

from recbole_adasid.model.dense.repeats import Bias, Repeats, first_times

HISTORIES = torch.tensor([[3, 5, 3, 0], [2, 0, 0, 0], [7, 7, 7, 1], [0, 0, 0, 0]])


def pairs(repeats: Repeats) -> list[tuple[int, int]]:
    return sorted(zip(repeats.rows.tolist(), repeats.items.tolist()))


def test_each_item_of_a_history_is_a_pair_once() -> None:
    assert pairs(Repeats.of_histories(HISTORIES)) == [(0, 3), (0, 5), (1, 2), (2, 1), (2, 7)]


def test_a_place_of_a_sequence_has_the_items_up_to_it() -> None:
    torch.manual_seed(0)
    items, predicted = torch.randint(1, 6, (5, 8)), torch.rand(5, 7) < 0.6
    items[2, 5:], predicted[2, 4:] = 0, False
    expected = [
        (number, item)
        for number, (row, at) in enumerate(predicted.nonzero().tolist())
        for item in set(items[row, : at + 1].tolist())
    ]
    assert pairs(Repeats.of_sequences(items, predicted)) == sorted(expected)


@pytest.mark.parametrize("candidates", [[1, 2, 3, 5, 7], [7, 3, 3, 9, 2, 3, 1], [4], []])
def test_columns_are_the_places_of_the_historys_items_among_candidates(candidates: list[int]) -> None:
    rows, columns = Repeats.of_histories(HISTORIES).among(torch.tensor(candidates, dtype=torch.int64))
    expected = [
        (row, column)
        for row, history in enumerate(HISTORIES.tolist())
        for column, item in enumerate(candidates)
        if item in history
    ]
    assert sorted(zip(rows.tolist(), columns.tolist())) == expected


def test_whether_a_history_holds_an_item() -> None:
    items = torch.tensor([[3, 1, 5], [5, 3, 0], [1, 9, 7], [3, 5, 7]])
    expected = [
        [item > 0 and item in history for item in wanted] for wanted, history in zip(items.tolist(), HISTORIES.tolist())
    ]
    assert Repeats.of_histories(HISTORIES).hold(items).tolist() == expected
    nobody = Repeats.of_histories(torch.zeros(2, 3, dtype=torch.int64))
    assert not nobody.hold(torch.ones(2, 1, dtype=torch.int64)).any()


def test_a_bias_is_added_where_it_belongs_and_learns_from_there() -> None:
    scores, amount = torch.arange(6.0).view(2, 3).requires_grad_(), torch.tensor(0.5, requires_grad=True)
    found = Bias(torch.tensor([0, 1, 1]), torch.tensor([2, 0, 1]), amount).added_to(scores * 1)
    assert found.tolist() == [[0.0, 1.0, 2.5], [3.5, 4.5, 5.0]]
    (found * torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])).sum().backward()
    assert float(amount.grad) == 28.0 and scores.grad.tolist() == [[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]


def test_a_bias_may_differ_from_pair_to_pair() -> None:
    found = Bias(torch.tensor([0, 1]), torch.tensor([1, 1]), torch.tensor([2.0, -3.0])).added_to(torch.zeros(2, 2))
    assert found.tolist() == [[0.0, 2.0], [0.0, -3.0]]


def test_an_item_is_new_where_it_stands_first_in_its_row() -> None:
    torch.manual_seed(0)
    items = torch.randint(5, (40, 7))
    expected = [[item > 0 and item not in row[:at] for at, item in enumerate(row)] for row in items.tolist()]
    assert first_times(items).tolist() == expected
