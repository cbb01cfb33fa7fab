from __future__ import annotations

import numpy as np

from recbole_adasid.plugin.datasets.batches import POOL_BATCHES, LengthBuckets

LENGTHS = np.random.default_rng(1).integers(1, 21, size=1003)


def batches(seed: int = 0, epoch: int = 0) -> list[list[int]]:
    return [rows.tolist() for rows in LengthBuckets(LENGTHS, batch_size=16, seed=seed, epoch=epoch)]


def test_every_example_is_seen_once_an_epoch():
    assert sorted(row for rows in batches() for row in rows) == list(range(1003))
    assert len(batches()) == len(LengthBuckets(LENGTHS, batch_size=16, seed=0, epoch=0)) == 63


def test_the_order_depends_on_seed_and_epoch_alone():
    assert batches() == batches()
    assert batches() != batches(epoch=1) and batches() != batches(seed=1)


def test_histories_of_a_batch_have_similar_lengths():
    padding = sum(int(LENGTHS[rows].max()) * len(rows) for rows in batches()) - LENGTHS.sum()
    mixed = sum(int(LENGTHS[start : start + 16].max()) * 16 for start in range(0, 1003, 16)) - LENGTHS.sum()
    assert padding < 0.2 * mixed


def test_batches_do_not_come_in_order_of_length():
    means = [LENGTHS[rows].mean() for rows in batches()]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def test_batches_are_those_of_lists_of_batches():
    random = np.random.default_rng([3, 2])
    order = random.permutation(len(LENGTHS))
    expected = []
    for start in range(0, len(order), 16 * POOL_BATCHES):
        pool = sorted(order[start : start + 16 * POOL_BATCHES].tolist(), key=lambda row: LENGTHS[row])
        expected += [pool[cut : cut + 16] for cut in range(0, len(pool), 16)]
    assert batches(3, 2) == [expected[place] for place in random.permutation(len(expected))]
