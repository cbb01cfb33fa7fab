"""Which pairs and items a step draws, for given random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.training.sampling import KnownPairs, PairBatch, PairSampler

PAIRS = ItemPairs(np.array([0, 1, 2]), np.array([3, 4, 5]), np.array([1.0, 1.0, 2.0], np.float32))
N_ITEMS = 30


def sampler(pairs: ItemPairs | None, seed: int = 0, **changes: float) -> PairSampler:
    return PairSampler(
        pairs=pairs,
        n_items=9,
        batch_pairs=4,
        batch_solo_items=5,
        generator=torch.Generator().manual_seed(seed),
        **changes,
    )


def test_a_batch_has_each_item_once_and_says_how_often_it_was_drawn() -> None:
    batch = PairBatch.of(torch.tensor([7, 3, 3, 9, 7, 7]), 2)
    assert batch.items.tolist() == [3, 7, 9] and batch.counts.tolist() == [2.0, 3.0, 1.0]
    assert batch.counts.dtype == torch.float32
    assert batch.trigger.tolist() == [1, 0] and batch.target.tolist() == [0, 2]


def test_a_pair_is_the_one_in_whose_part_of_the_running_sum_a_number_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact numbers: 1.0 stands for one above a sum that was rounded down."""
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64))
    batch = sampler(PAIRS).draw()
    assert batch.items[batch.trigger].tolist() == [0, 1, 2, 2]
    assert batch.items[batch.target].tolist() == [3, 4, 5, 5]


def test_a_draw_is_of_numbers_in_float64_and_then_of_items_that_stand_alone() -> None:
    random = torch.Generator().manual_seed(7)
    at = (4 * torch.rand(4, generator=random, dtype=torch.float64)).tolist()
    trigger = [0 if number < 1 else 1 if number < 2 else 2 for number in at]
    solo = torch.randint(9, (5,), generator=random).tolist()
    batch = sampler(PAIRS, seed=7).draw()
    drawn = sorted([*trigger, *(one + 3 for one in trigger), *solo])
    assert batch.items.repeat_interleave(batch.counts.long()).tolist() == drawn
    assert batch.items[batch.trigger].tolist() == trigger


def test_weights_count_as_they_are_unless_a_power_is_given() -> None:
    assert sampler(PAIRS).cumulative.tolist() == [1.0, 2.0, 4.0]
    assert sampler(PAIRS, weight_power=2.0).cumulative.tolist() == [1.0, 2.0, 6.0]
    none = ItemPairs(np.array([0, 1]), np.array([3, 4]), np.array([0.0, 2.0], np.float32))
    assert sampler(none, weight_power=0.0).cumulative.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("pairs", [None, ItemPairs(*(np.empty(0, np.int64),) * 2, np.empty(0, np.float32))])
def test_without_pairs_as_many_items_are_drawn_evenly(pairs: ItemPairs | None) -> None:
    random = torch.Generator().manual_seed(7)
    drawn = torch.randint(9, (2 * 4 + 5,), generator=random).sort().values
    batch = sampler(pairs, seed=7).draw()
    assert batch.items.repeat_interleave(batch.counts.long()).equal(drawn)
    assert len(batch.trigger) == len(batch.target) == 0


def test_pairs_are_drawn_by_weight_and_solo_items_from_everywhere():
    pairs = ItemPairs(np.array([0, 1, 2]), np.array([3, 4, 5]), np.array([1.0, 0.0, 3.0], np.float32))
    generator = torch.Generator().manual_seed(0)
    sampler = PairSampler(pairs=pairs, n_items=50, batch_pairs=4000, batch_solo_items=2000, generator=generator)
    batch = sampler.draw()
    trigger, target = batch.items[batch.trigger], batch.items[batch.target]
    assert len(trigger) == 4000 and len(batch.items) == 50 and batch.counts.sum() == 10_000
    solo = batch.counts - torch.bincount(torch.cat([trigger, target]), minlength=50)
    assert solo.sum() == 2000 and solo.min() > 10
    assert torch.equal(target, trigger + 3)
    assert 1 not in trigger
    assert (trigger == 2).float().mean().item() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(("power", "share"), [(0.0, 1 / 2), (0.5, 1 / 3), (1.0, 1 / 5), (2.0, 1 / 17)])
def test_pairs_are_drawn_by_a_power_of_their_weight_and_never_without_one(power, share):
    pairs = ItemPairs(np.array([0, 1, 2]), np.array([3, 4, 5]), np.array([1.0, 0.0, 4.0], np.float32))
    sampler = PairSampler(
        pairs=pairs,
        n_items=6,
        batch_pairs=20_000,
        batch_solo_items=0,
        generator=torch.Generator().manual_seed(0),
        weight_power=power,
    )
    batch = sampler.draw()
    trigger = batch.items[batch.trigger]
    assert (trigger == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert set(trigger.tolist()) == {0, 2}


@pytest.mark.parametrize("seed", range(3))
def test_triggers_meet_all_their_partners_in_the_batch_in_either_direction(seed: int) -> None:
    generator = np.random.default_rng(seed)
    trigger, target = generator.integers(N_ITEMS - 2, size=(2, 80))  # the last two items are in no pair
    known = KnownPairs(ItemPairs(trigger, target, np.ones(80, np.float32)), n_items=N_ITEMS)
    batch = PairBatch.of(torch.from_numpy(generator.integers(N_ITEMS, size=25)), 9)
    first, second = known.among(batch)
    items, listed = batch.items.tolist(), set(zip(trigger.tolist(), target.tolist()))
    expected = [
        (row, other)
        for row in sorted(set(batch.trigger.tolist()))
        for other in range(len(items))
        if (items[row], items[other]) in listed or (items[other], items[row]) in listed
    ]
    assert sorted(zip(first.tolist(), second.tolist())) == sorted(expected) and expected


def test_a_batch_without_partners_has_none() -> None:
    known = KnownPairs(ItemPairs(np.array([0]), np.array([1]), np.ones(1, np.float32)), n_items=5)
    first, second = known.among(PairBatch.of(torch.tensor([0, 2, 3, 4]), 2))
    assert len(first) == len(second) == 0
