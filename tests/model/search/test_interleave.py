"""Places kept for reserved items, against a walk through the places."""

from __future__ import annotations

from math import floor

import pytest
import torch

from recbole_adasid.model.search.interleave import interleave


def by_walking(items: list[int], reserved: list[int], share: float) -> list[int]:
    k, found = len(items), []
    items, reserved = [item for item in items if item], [item for item in reserved if item]
    wanted = [floor(share * (place + 1) + 1e-9) > floor(share * place + 1e-9) for place in range(k)]
    kinds = [items[: wanted.count(False)], reserved[: wanted.count(True)]]
    rest = [*items[len(kinds[0]) :], *reserved[len(kinds[1]) :]]
    for place in wanted:
        if kinds[place]:
            found.append(kinds[place].pop(0))
    return (found + rest + [0] * k)[:k]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.29, 1 / 3, 0.5, 0.7, 1.0])
def test_lists_are_those_of_a_walk_through_the_places(share: float) -> None:
    random = torch.Generator().manual_seed(0)
    lists = []
    for base in (100, 200):
        items = torch.arange(base, base + 10).expand(40, -1).clone()
        missing = torch.randint(0, 11, (40,), generator=random)
        lists.append((items.masked_fill(torch.arange(10) >= missing[:, None], 0), items / -100.0))
    found, scores = interleave(*lists, share)
    for row in range(40):
        assert found[row].tolist() == by_walking(lists[0][0][row].tolist(), lists[1][0][row].tolist(), share)
    assert torch.equal(scores[found > 0], (found / -100.0)[found > 0])


@pytest.mark.parametrize("share", [0.1, 0.29, 0.3])
def test_every_beginning_of_the_list_has_its_share(share: float) -> None:
    first, second = torch.arange(1, 101)[None], torch.arange(1001, 1101)[None]
    items, _ = interleave((first, first.float()), (second, second.float()), share)
    for length in range(1, 101):
        assert int((items[0, :length] > 1000).sum()) == floor(share * length + 1e-9)
