from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer import agreement as module
from recbole_adasid.tokenizer.agreement import (
    _strongest,
    agreement,
    embedding_pairs,
    neighbour_agreement,
    shared_prefix,
    stability,
)


def test_the_shared_prefix_counts_leading_codes_only() -> None:
    codes = np.array([[1, 2, 3], [1, 2, 4], [1, 9, 3], [7, 2, 3]])
    first, second = np.array([0, 0, 0, 0]), np.array([0, 1, 2, 3])
    assert shared_prefix(codes, first, second).tolist() == [3, 2, 1, 0]


def test_agreement_is_the_literal_chance_that_a_neighbour_shares_more_than_a_random_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RANDOM_PAIRS", 300)
    codes = np.random.default_rng(5).integers(3, size=(40, 3))
    first, second = np.random.default_rng(6).integers(40, size=(2, 50))
    drawn = np.random.default_rng(0).integers(40, size=(2, 300))
    won = []
    for a, b in zip(first, second):
        for c, d in drawn.T:
            if c != d:
                near, far = (next((i for i in range(3) if codes[x, i] != codes[y, i]), 3) for x, y in ((a, b), (c, d)))
                won.append(1.0 if near > far else 0.5 if near == far else 0.0)
    assert agreement(codes, first, second) == pytest.approx(np.mean(won))


def test_items_that_never_share_a_code_agree_by_chance() -> None:
    items = np.arange(300)
    assert agreement(np.stack([items] * 3, axis=1), items, (items + 1) % 300) == 0.5


def test_agreement_is_chance_for_collapsed_codes_and_nearly_one_for_codes_that_are_the_neighbourhood() -> None:
    group = np.repeat(np.arange(50), 4)
    first = np.arange(200)
    second = first ^ 1  # in the same group of four
    assert agreement(np.zeros((200, 3), dtype=np.int64), first, second) == pytest.approx(0.5)
    assert agreement(np.stack([group] * 3, axis=1), first, second) > 0.98
    assert np.isnan(agreement(np.zeros((2, 3), dtype=np.int64), first[:0], second[:0]))


@pytest.mark.parametrize("rows_at_once", [7, 100])
def test_embedding_neighbours_are_those_of_scikit_learn(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.neighbors import NearestNeighbors

    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows_at_once)
    features = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32) + 3
    centred = features - features.mean(0)
    expected = NearestNeighbors(n_neighbors=11, metric="cosine").fit(centred).kneighbors(centred)[1]
    item, neighbour, cosine = embedding_pairs(features)
    assert sorted(set(item.tolist())) == list(range(60))
    for row in range(60):
        assert neighbour[item == row].tolist() == expected[row][expected[row] != row].tolist()
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert cosine == pytest.approx((unit[item] * unit[neighbour]).sum(1), abs=1e-6)


def test_of_many_items_the_same_sample_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLED_ITEMS", 5)
    features = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    first, second = embedding_pairs(features), embedding_pairs(features)
    assert len(first.items) == 50 and len(set(first.items.tolist())) == 5
    for one, other in zip(first, second):
        assert np.array_equal(one, other)


def test_only_the_strongest_swing_targets_of_a_trigger_count() -> None:
    codes = np.zeros((30, 2), dtype=np.int64)
    codes[20:, 0] = 1  # the weak targets are in another group
    target = np.r_[np.arange(1, 11), np.arange(20, 29)]
    weight = np.r_[np.full(10, 2.0), np.full(9, 1.0)].astype(np.float32)
    pairs = ItemPairs(np.zeros(19, dtype=np.int64), target, weight)
    features = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    found = neighbour_agreement(codes, embedding_pairs(features), pairs)
    strong = agreement(codes, np.zeros(10, dtype=np.int64), np.arange(1, 11))
    assert found["swing_agreement"] == pytest.approx(strong)
    assert 0 <= found["embedding_agreement"] <= 1
    assert neighbour_agreement(codes[:1], embedding_pairs(features[:1]), None) == {}


def test_stability_ignores_how_codes_are_numbered_and_is_nought_for_unrelated_ones() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(8, size=(2000, 3))
    renamed = random.permutation(8)[codes]
    assert stability(codes, renamed) == pytest.approx({"stability_1": 1.0, "stability_2": 1.0})
    assert (
        list(stability(codes[:, :2], renamed[:, :2]))
        == list(stability(codes[:, :1], renamed[:, :1]))
        == ["stability_1"]
    )
    unrelated = stability(codes, random.integers(8, size=(2000, 3)))
    assert all(abs(value) < 0.02 for value in unrelated.values())


def test_a_neighbour_with_an_equal_semantic_id_is_nearer_than_pairs_that_share_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RANDOM_PAIRS", 20)
    codes = np.stack([np.arange(5000)] * 3, axis=1)
    codes[1] = codes[0]
    assert agreement(codes, np.array([0]), np.array([1])) == 1.0


def test_of_every_trigger_the_ten_strongest_targets_count() -> None:
    random = np.random.default_rng(0)
    trigger = np.repeat([4, 2, 7], [12, 15, 3])
    pairs = ItemPairs(trigger, np.arange(30), random.random(30).astype(np.float32))
    expected = []
    for one in (2, 4, 7):
        rows = sorted(np.flatnonzero(trigger == one), key=lambda row: -pairs.weight[row])
        expected += rows[:10]
    assert _strongest(pairs).tolist() == expected and len(expected) == 23
