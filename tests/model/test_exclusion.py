"""Recommending from a part of the catalogue, and without a user's excluded items."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.tiger import TIGERModel

Histories = tuple[Tensor, Tensor]
ALLOWED = torch.tensor([2, 3, 4, 5, 9, 14, 15, 20, 27, 30])


def part(model: TIGERModel, items: Tensor) -> PrefixTree:
    return PrefixTree(model.catalogue(items), model.catalogue.level_sizes, items)


def best(model: TIGERModel, histories: Histories, forbidden: list[set[int]], k: int) -> list[list[int]]:
    """Score all items and leave out the forbidden ones, equal scores by ascending id."""
    exact = model.score_items(*histories)
    lists = []
    for scores, out in zip(exact.tolist(), forbidden):
        allowed = [item for item in range(1, len(scores)) if item not in out]
        lists.append(sorted(allowed, key=lambda item: (-round(scores[item], 4), item))[:k])
    return lists


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_a_part_of_the_catalogue_is_searched_as_if_there_were_no_more(
    make_model: Callable[..., TIGERModel], histories: Histories, collision: str
) -> None:
    model = make_model(collision)
    items, scores = model.recommend(*histories, k=12, beam_size=50, tree=part(model, ALLOWED))
    outside = set(range(1, 31)) - set(ALLOWED.tolist())
    assert [row[:10] for row in items.tolist()] == best(model, histories, [outside] * 4, 10)
    assert (items[:, 10:] == 0).all() and scores[:, 10:].isneginf().all()


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_excluded_items_never_appear_and_the_others_keep_their_order(
    make_model: Callable[..., TIGERModel], histories: Histories, collision: str
) -> None:
    model = make_model(collision)
    seen = histories[0].clone()
    seen[1] = 0  # nothing excluded for this user
    items, _ = model.recommend(*histories, k=8, beam_size=60, excluded=seen)
    assert items.tolist() == best(model, histories, [set(row) - {0} for row in seen.tolist()], 8)


def test_no_beam_is_wasted_on_what_is_excluded(model: TIGERModel, histories: Histories) -> None:
    """A beam of one would end in the best item; with that excluded it has to find another."""
    first, _ = model.recommend(*histories, k=1, beam_size=1)
    second, scores = model.recommend(*histories, k=1, beam_size=1, excluded=first)
    assert (second != first).all() and (second > 0).all() and scores.isfinite().all()


def test_part_and_exclusion_together_and_everything_excluded(model: TIGERModel, histories: Histories) -> None:
    everything = ALLOWED.expand(4, -1).clone()
    some = everything.clone()
    some[:, 5:] = 0
    items, _ = model.recommend(*histories, k=6, beam_size=50, tree=part(model, ALLOWED), excluded=some)
    assert {item for row in items.tolist() for item in row} == {0, *ALLOWED[5:].tolist()}
    items, scores = model.recommend(*histories, k=6, beam_size=50, tree=part(model, ALLOWED), excluded=everything)
    assert (items == 0).all() and scores.isneginf().all()


def test_items_below_a_node_equal_a_literal_count() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(3, (40, 3))
    tree = PrefixTree(tokens, [3, 3, 3])
    for level, counts in enumerate(tree.items_below(), start=1):
        prefixes = [tuple(row[:level]) for row in tokens.tolist()]
        assert counts.tolist() == [prefixes.count(prefix) for prefix in sorted(set(prefixes))]
