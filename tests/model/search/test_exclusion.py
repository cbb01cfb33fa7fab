"""Recommending from a part of the catalogue, and without a user's excluded items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exclusion import Excluded
from recbole_adasid.model.search.interleave import interleave
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
    for level in (1, 2, 3):
        prefixes = [tuple(row[:level]) for row in tokens.tolist()]
        begin, end = tree.item_range(level, torch.arange(len(set(prefixes))))
        assert (end - begin).tolist() == [prefixes.count(prefix) for prefix in sorted(set(prefixes))]


def tiny(codes: list[list[int]], collision: str) -> TIGERModel:
    """Return a random model of items 1, 2, … with these codes."""
    torch.manual_seed(0)
    catalogue = Catalogue(torch.tensor(codes), [2, 2], collision=collision)
    shape = {"d_model": 8, "d_head": 4, "n_heads": 2, "d_ff": 8, "n_encoder_layers": 1, "n_decoder_layers": 1}
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, **shape, dropout=0.0)
    return TIGERModel(network=network, catalogue=catalogue).eval()


def found(model: TIGERModel, history: list[int], allowed: list[int], excluded: list[int], k: int = 3) -> list[int]:
    """Return what is recommended after a history, without the gaps."""
    items, scores = model.recommend(
        torch.tensor([history]),
        torch.tensor([len(history)]),
        k=k,
        beam_size=10,
        tree=part(model, torch.tensor(allowed)),
        excluded=torch.tensor([excluded]),
    )
    assert ((items == 0) == scores.isneginf()).all()
    return [item for item in items[0].tolist() if item]


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_an_excluded_item_outside_the_tree_takes_nothing_from_it(collision: str) -> None:
    model = tiny([[0, 0], [0, 1], [1, 0]], collision)
    assert sorted(found(model, [1], allowed=[2, 3], excluded=[1])) == [2, 3]


def test_an_equal_semantic_id_does_not_make_an_item_a_member_of_the_tree() -> None:
    model = tiny([[0, 0], [0, 0], [0, 0], [1, 0]], "shared")
    assert sorted(found(model, [1], allowed=[2, 4], excluded=[1, 3])) == [2, 4]
    assert sorted(found(model, [1], allowed=[1, 2, 4], excluded=[1, 3])) == [2, 4]


def test_an_item_that_is_excluded_twice_counts_once() -> None:
    model = tiny([[0, 0], [0, 0], [0, 0], [1, 0]], "shared")
    everything = [1, 2, 3, 4]
    assert sorted(found(model, [1], allowed=everything, excluded=[1, 1, 1])) == [2, 3, 4]
    assert sorted(found(model, [1], allowed=everything, excluded=[1, 2, 1, 2, 2, 0, -1, 99])) == [3, 4]


Case = tuple[TIGERModel, Histories, torch.Generator]


@pytest.fixture
def case(make_model: Callable[..., TIGERModel], seed: int, collision: str) -> Case:
    """Return a random model of 20 to 60 items, some withdrawn and some come later, and five histories."""
    random = torch.Generator().manual_seed(seed)
    n_items = int(torch.randint(20, 60, (), generator=random))
    model = make_model(collision, n_items=n_items, seed=seed)
    more = model.catalogue.tokens[1:][torch.randint(n_items, (8,), generator=random)].long()
    if collision == "suffix":
        more[:, -1] = torch.randint(model.catalogue.level_sizes[-1], (8,), generator=random)
    stays = torch.rand(n_items + 8, generator=random) < 0.85
    stays[:2] = stays[-2:] = True
    model.catalogue = model.catalogue.changed(more, 1 + stays.nonzero().squeeze(1))
    lengths = torch.randint(1, 9, (5,), generator=random)
    history = torch.randint(1, n_items + 9, (5, 8), generator=random)
    return model, (history * (torch.arange(8) < lengths[:, None]), lengths), random


def check(model: TIGERModel, histories: Histories, items: Tensor, scores: Tensor, allowed: list[set[int]]) -> None:
    """Compare lists with those that scoring everything gives, of the items allowed to each user."""
    exact = model.score_items(*histories)
    for user, wanted in enumerate(allowed):
        own, inside = items[user][items[user] > 0].tolist(), torch.tensor(sorted(wanted), dtype=torch.int64)
        assert len(own) == min(items.shape[1], len(wanted)) == len(set(own)) and wanted.issuperset(own)
        best_scores = exact[user, inside].sort(descending=True).values[: len(own)]
        torch.testing.assert_close(scores[user, : len(own)], best_scores, atol=1e-5, rtol=0)
        torch.testing.assert_close(scores[user, : len(own)], exact[user, own], atol=1e-5, rtol=0)
        assert scores[user, len(own) :].isneginf().all()


@pytest.mark.parametrize("collision", ["suffix", "shared"])
@pytest.mark.parametrize("seed", range(15))
def test_trees_and_exclusions_of_all_kinds_give_what_scoring_everything_gives(case: Case) -> None:
    model, histories, random = case
    n_items = model.catalogue.n_items
    stays = set(model.catalogue.tree.leaf_items.tolist())
    excluded = torch.randint(0, n_items + 1, (5, 25), generator=random)  # items, nothing, and some twice
    excluded[0] = 0
    excluded[1, :8] = histories[0][1]
    chosen = 1 + (torch.rand(n_items, generator=random) < 0.4).nonzero().squeeze(1)
    chosen = torch.tensor(sorted(stays.intersection(chosen.tolist())) or sorted(stays))
    for tree, members in ((None, stays), (part(model, chosen), set(chosen.tolist()))):
        k = int(torch.randint(1, 40, (), generator=random))
        items, scores = model.recommend(*histories, k=k, beam_size=80, tree=tree, excluded=excluded)
        check(model, histories, items, scores, [members.difference(row) for row in excluded.tolist()])
        narrow, _ = model.recommend(*histories, k=k, beam_size=k, tree=tree, excluded=excluded)
        left = [len(members.difference(row)) for row in excluded.tolist()]
        assert (narrow > 0).sum(1).tolist() == [min(k, count) for count in left]


@pytest.mark.parametrize("collision", ["suffix", "shared"])
@pytest.mark.parametrize("seed", range(5))
def test_lists_with_places_for_new_items_hold_the_best_of_both_kinds(case: Case) -> None:
    model, histories, random = case
    stays = model.catalogue.tree.leaf_items.long().sort().values
    first_new = model.catalogue.n_items - 7
    kinds = [stays[stays < first_new], stays[stays >= first_new]]
    excluded = torch.randint(0, model.catalogue.n_items + 1, (5, 25), generator=random)
    lists = [
        model.recommend(*histories, k=10, beam_size=80, tree=part(model, kind), excluded=excluded) for kind in kinds
    ]
    for kind, (items, scores) in zip(kinds, lists):
        check(model, histories, items, scores, [set(kind.tolist()).difference(row) for row in excluded.tolist()])
    items, _ = interleave(*lists, 0.3)
    allowed = [set(stays.tolist()).difference(row) for row in excluded.tolist()]
    assert [len(set(row) - {0}) for row in items.tolist()] == [min(10, len(own)) for own in allowed]
    assert all(own.issuperset(set(row) - {0}) for own, row in zip(allowed, items.tolist()))


def test_pairs_in_any_order_are_the_same_as_a_table(model: TIGERModel, histories: Histories) -> None:
    rows, columns = histories[0].nonzero(as_tuple=True)
    shuffled = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    pairs = Excluded(rows[shuffled], histories[0][rows, columns][shuffled])
    as_pairs = model.recommend(*histories, k=8, beam_size=20, excluded=pairs)
    as_table = model.recommend(*histories, k=8, beam_size=20, excluded=histories[0])
    assert as_pairs[0].equal(as_table[0]) and as_pairs[1].equal(as_table[1])
    nothing = model.recommend(*histories, k=8, beam_size=20, excluded=histories[0][:, :0])
    assert nothing[0].equal(model.recommend(*histories, k=8, beam_size=20)[0])


class _LargestTensor(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that an operation returns."""

    numbers = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        for one in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(one, Tensor):
                self.numbers = max(self.numbers, one.untyped_storage().nbytes() // one.element_size())
        return result


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_one_long_history_widens_nothing_for_the_others(make_model: Callable[..., TIGERModel], collision: str) -> None:
    """A table of 32 users and 5,000 items has 160,000 places, and one compared with the lists far more."""
    n_items = 6000
    model = make_model(collision, n_items=n_items)
    rows = torch.cat([torch.zeros(5000, dtype=torch.int64), torch.arange(32).repeat_interleave(3)])
    items = torch.cat([torch.arange(1, 5001), torch.arange(1, 97)])
    history, lengths = torch.arange(1, 33)[:, None], torch.ones(32, dtype=torch.int64)
    with _LargestTensor() as largest:
        found, _ = model.recommend(history, lengths, k=5, beam_size=5, excluded=Excluded(rows, items))
    assert (found[0] > 5000).all()
    with _LargestTensor() as without:
        model.recommend(history, lengths, k=5, beam_size=5)
    assert largest.numbers <= max(without.numbers, n_items + 1)
