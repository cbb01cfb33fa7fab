"""What follows a prefix in the items of a history, against loops over items and prefixes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.network.continuations import Continuations

WEIGHTS = torch.tensor([3.0, 5.0, 7.0])  # by age; items older than that count as the last


@pytest.fixture
def tokens() -> Tensor:
    torch.manual_seed(0)
    found = torch.randint(3, (4, 6, 2))
    found[0, 4] = found[0, 1]  # an item that stands twice
    return found


def literal(history: list[list[int]], prefix: list[int]) -> tuple[list[float], list[float]]:
    """Return, by code, how many different Semantic IDs of a history go on so, and their summed weights."""
    level, counts, weights = len(prefix), [0.0] * 3, [0.0] * 3
    for place, sid in enumerate(history):
        if sid[:level] != prefix:
            continue
        weights[sid[level]] += float(WEIGHTS[min(len(history) - 1 - place, 2)])
        counts[sid[level]] += sid not in history[:place]
    return counts, weights


def check(found: Continuations, row: int, place: int, level: int, history: list[list[int]], prefix: list[int]) -> None:
    counts, weights = literal(history, prefix)
    assert found.counts(level, 3)[row, place].tolist() == counts
    assert found.weigh(level, WEIGHTS, 3)[row, place].tolist() == weights


def test_histories_end_at_their_lengths(tokens: Tensor) -> None:
    lengths = torch.tensor([6, 1, 0, 3])
    root = Continuations.of_histories(tokens, lengths)
    codes = torch.tensor([[0, 2], [1, 1], [2, 0], [1, 2]])
    after = root.after(0, codes, torch.zeros_like(codes))
    for row, length in enumerate(lengths.tolist()):
        history = tokens[row, :length].tolist()
        check(root, row, 0, 0, history, [])
        for place, code in enumerate(codes[row].tolist()):
            check(after, row, place, 1, history, [code])


def test_each_position_of_a_sequence_sees_the_items_up_to_it(tokens: Tensor) -> None:
    chosen = torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) < 0.6
    found = Continuations.of_sequences(tokens).at(chosen)
    codes = tokens[chosen][:, :1]
    after = found.after(0, codes)
    for row, (user, place) in enumerate(chosen.nonzero().tolist()):
        history = tokens[user, : place + 1].tolist()
        check(found, row, 0, 0, history, [])
        check(after, row, 0, 1, history, codes[row].tolist())


def test_prefixes_are_followed_from_their_parents() -> None:
    tokens = torch.tensor([[[0, 1], [0, 2], [2, 1], [1, 1]]])
    root = Continuations.of_histories(tokens, torch.tensor([3]))
    both = root.after(0, torch.tensor([[2, 0, 1]]), torch.tensor([[0, 0, 0]]))
    assert both.counts(1, 3).tolist() == [[[0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]
    swapped = both.after(1, torch.tensor([[2, 1]]), torch.tensor([[1, 0]]))
    assert swapped.agree.tolist() == [[[False, True, False, False], [False, False, True, False]]]
