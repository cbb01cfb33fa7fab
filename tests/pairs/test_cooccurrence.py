from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from recbole_adasid.pairs import item_pairs as pairs_module
from recbole_adasid.pairs.cooccurrence import cooccurrence_pairs


def random_interactions(seed):
    rng = np.random.default_rng(seed)
    return rng.integers(100, 112, size=90), rng.integers(0, 9, size=90)


def literal(users, items, n_items, window, weighting, longest):
    """The definition: for each user and each two places of the history, whether they are near enough."""
    histories = defaultdict(list)
    for user, item in zip(users.tolist(), items.tolist()):
        histories[user].append(item)
    both, having = defaultdict(set), defaultdict(set)
    for user, whole in histories.items():
        history = whole if longest is None else whole[-longest:]
        for a, first in enumerate(history):
            having[first].add(user)
            for b, second in enumerate(history):
                if first != second and (window is None or abs(a - b) <= window):
                    both[first, second].add(user)
    scale = {pair: np.sqrt(len(having[pair[0]]) * len(having[pair[1]])) for pair in both}
    return {pair: len(who) / (scale[pair] if weighting == "cosine" else 1) for pair, who in both.items()}


def as_dict(pairs):
    return {(i, j): w for i, j, w in zip(pairs.trigger.tolist(), pairs.target.tolist(), pairs.weight.tolist())}


@pytest.mark.parametrize("block", [8_000_000, 5])
@pytest.mark.parametrize("longest", [None, 4])
@pytest.mark.parametrize("weighting", ["cosine", "count"])
@pytest.mark.parametrize("window", [None, 1, 3, 1000])
def test_weights_equal_a_loop_over_users_and_places(monkeypatch, window, weighting, longest, block):
    monkeypatch.setattr(pairs_module, "BLOCK_PRODUCTS", block)
    users, items = random_interactions(1)
    found = cooccurrence_pairs(users, items, 9, window=window, weighting=weighting, top_k=9, max_user_items=longest)
    assert as_dict(found) == pytest.approx(literal(users, items, 9, window, weighting, longest), rel=1e-6)
    assert len(found) > 20


def test_the_heaviest_targets_are_kept_and_ties_go_by_row():
    clique = cooccurrence_pairs([1, 1, 1, 1], [3, 2, 1, 0], 4, top_k=2)
    assert clique.target.tolist() == [1, 2, 0, 2, 0, 1, 0, 1]
    assert (clique.trigger.dtype, clique.target.dtype, clique.weight.dtype) == (np.int64, np.int64, np.float32)


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize(("users", "items"), [([], []), ([1, 2], [0, 1]), ([1, 1], [0, 0])])
def test_without_two_items_of_a_user_there_is_no_pair(users, items, window):
    assert len(cooccurrence_pairs(users, items, 3, window=window)) == 0


def test_by_default_50_targets_are_kept_and_users_count_with_their_last_1000_items():
    clique = cooccurrence_pairs(np.zeros(60), np.arange(60), 60)
    assert np.bincount(clique.trigger).tolist() == [50] * 60
    long = cooccurrence_pairs(np.zeros(1001), np.arange(1001), 1001)
    assert 0 not in long.trigger and 1 in long.trigger and len(np.unique(long.trigger)) == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weighting": "sum"}, "Unknown pair_weight 'sum'.* Valid are: cosine, count"),
        ({"items": [1, 3]}, "outside 0 … 2"),
        ({"users": [1]}, "1 users for 2 items"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cooccurrence_pairs(**{"users": [1, 1], "items": [0, 1], "n_items": 3, **arguments})
