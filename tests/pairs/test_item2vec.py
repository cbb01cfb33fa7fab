from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from recbole_adasid.pairs import item_pairs as pairs_module
from recbole_adasid.pairs.item2vec import _nearest, item2vec_pairs, left_factor, of_unit_length, shifted_information

N_ITEMS = 12


def two_shelves(seed=0):
    """Users who choose from the first six items or from the last six."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(60), 4)
    return users, rng.integers(0, 6, len(users)) + 6 * (users % 2)


def counts(users, items):
    """How many users have both items, by definition."""
    of = {user: set(items[users == user].tolist()) for user in np.unique(users)}
    return np.array(
        [[sum(i != j and {i, j} <= s for s in of.values()) for j in range(N_ITEMS)] for i in range(N_ITEMS)]
    )


def literal_information(count, negatives):
    total, result = count.sum(), np.zeros(count.shape)
    share = [sum(row) / total for row in count]
    smoothed = [p**0.75 / sum(q**0.75 for q in share) for p in share]
    for i in range(N_ITEMS):
        for j in range(N_ITEMS):
            if count[i, j]:
                result[i, j] = max(0, math.log(count[i, j] / total / share[i] / smoothed[j]) - math.log(negatives))
    return result


@pytest.mark.parametrize("negatives", [1, 2])
def test_information_equals_its_definition(negatives):
    count = counts(*two_shelves())
    found = shifted_information(sparse.coo_matrix(count.astype(float)), negatives).toarray()
    assert found == pytest.approx(literal_information(count, negatives), abs=1e-12)
    assert (found > 0).sum() > 10


@pytest.mark.parametrize("block", [8_000_000, 30])
def test_pairs_are_the_nearest_by_the_cosine_of_the_factorisation(monkeypatch, block):
    monkeypatch.setattr(pairs_module, "BLOCK_PRODUCTS", block)
    users, items = two_shelves()
    left, values, _ = np.linalg.svd(literal_information(counts(users, items), 1))
    vectors = left * np.sqrt(values)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = vectors @ vectors.T
    found = item2vec_pairs(users, items, N_ITEMS, width=N_ITEMS, negatives=1, top_k=3)
    for trigger in range(N_ITEMS):
        others = [j for j in range(N_ITEMS) if j != trigger and cosine[trigger, j] > 1e-6]
        ranked = sorted((-cosine[trigger, j], j) for j in others)[:3]
        chosen = found.trigger == trigger
        assert found.target[chosen].tolist() == [j for _, j in ranked]
        assert found.weight[chosen] == pytest.approx([-weight for weight, _ in ranked], rel=1e-5)


def test_items_of_one_shelf_are_neighbours_and_the_result_repeats():
    users, items = two_shelves(1)
    first, second = (item2vec_pairs(users, items, N_ITEMS, width=4, negatives=1) for _ in range(2))
    assert (first.trigger // 6 == first.target // 6).all() and len(first) > 20
    assert np.array_equal(first.weight, second.weight) and np.array_equal(first.target, second.target)


def test_by_default_vectors_have_128_columns_five_negatives_and_50_targets():
    random = np.random.default_rng(0)
    users, items = np.repeat(np.arange(400), 3), random.integers(0, 200, 1200)
    found = item2vec_pairs(users, items, 200)
    expected = item2vec_pairs(users, items, 200, width=128, negatives=5, top_k=50, window=None, max_user_items=1000)
    assert np.array_equal(found.target, expected.target) and np.array_equal(found.weight, expected.weight)
    others = {"width": 127, "negatives": 6, "top_k": 49}
    for name, value in others.items():
        other = item2vec_pairs(users, items, 200, **{name: value})
        assert not np.array_equal(other.weight, found.weight), name


def test_users_count_with_their_last_1000_items_and_places_within_the_window():
    long = np.zeros(1001), np.arange(1001)
    few = np.repeat(np.arange(1, 1002), 2), np.stack([np.arange(1001), (np.arange(1001) + 1) % 1001], 1).ravel()
    users, items = np.r_[long[0], few[0]], np.r_[long[1], few[1]]
    limited = item2vec_pairs(users, items, 1001, width=4)
    whole = item2vec_pairs(users, items, 1001, width=4, max_user_items=None)
    again = item2vec_pairs(users, items, 1001, width=4, max_user_items=1000)
    assert np.array_equal(limited.weight, again.weight) and not np.array_equal(limited.weight, whole.weight)
    near = item2vec_pairs(*two_shelves(), N_ITEMS, width=4, negatives=1, window=1)
    far = item2vec_pairs(*two_shelves(), N_ITEMS, width=4, negatives=1)
    assert not np.array_equal(near.weight, far.weight)


def test_an_item_that_meets_nobody_has_no_pair():
    users, items = two_shelves()
    found = item2vec_pairs(np.r_[users, 900], np.r_[items, N_ITEMS], N_ITEMS + 1, negatives=1)
    assert len(found) and N_ITEMS not in {*found.trigger, *found.target}


@pytest.mark.parametrize(("users", "items"), [([], []), ([1, 2], [0, 1]), ([1, 1], [0, 1])])
def test_where_nothing_is_beyond_chance_there_is_no_pair(users, items):
    assert len(item2vec_pairs(users, items, 3)) == 0


def test_information_of_exactly_nothing_is_not_stored():
    counts = sparse.coo_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]))  # PMI is log 2
    assert shifted_information(counts, 2).nnz == 0 and shifted_information(counts, 1).nnz == 2


def test_an_item_of_which_nothing_is_known_has_the_vector_0_and_the_others_have_some():
    information = sparse.csr_matrix(np.array([[0.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    vectors = left_factor(information, 2)
    assert vectors.shape == (3, 2) and vectors[2].tolist() == [0, 0] and (np.abs(vectors[:2]).sum(1) > 0.5).all()


def test_cosines_that_are_equal_in_float32_are_tied_and_cut_at_the_number_asked_for():
    angles = np.array([0.0, 0.5 + 1e-9, 0.5])  # the third is nearer to the first, by less than float32 tells
    found = _nearest(np.stack([np.cos(angles), np.sin(angles)], axis=1), 1)
    assert list(zip(found.trigger.tolist(), found.target.tolist())) == [(0, 1), (1, 2), (2, 1)]


def test_a_cosine_up_to_a_millionth_is_none():
    for cosine, n_pairs in ((1e-6, 0), (1.01e-6, 2)):
        assert len(_nearest(np.array([[1.0, 0.0], [cosine, 1.0]]), 1)) == n_pairs


def test_vectors_get_the_length_1_whatever_theirs_is_unless_they_are_0():
    found = of_unit_length(np.array([[0.3, 0.4], [0.0, 0.0], [-30.0, 40.0]]))
    assert found == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0], [-0.6, 0.8]]))
