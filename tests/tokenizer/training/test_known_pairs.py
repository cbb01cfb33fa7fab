"""Known pairs within a batch, against a loop over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.training.known_pairs import KnownPairs
from recbole_adasid.tokenizer.training.sampling import PairBatch

N_ITEMS = 30


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
