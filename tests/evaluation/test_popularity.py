from __future__ import annotations

import numpy as np

from recbole_adasid.evaluation.popularity import popularity_ranks


def test_ranks_are_places_in_the_literal_list_of_popular_items_without_those_that_a_user_had() -> None:
    random = np.random.default_rng(0)
    popularity = np.r_[0, random.integers(6, size=30)]
    held_out, rows = random.integers(1, 31, size=50), random.integers(50, size=400)
    items = random.integers(1, 31, size=400)
    expected = []
    for user, item in enumerate(held_out.tolist()):
        had = set(items[rows == user].tolist())
        listed = sorted(set(range(1, 31)) - had, key=lambda one: (-popularity[one], one))
        expected.append(listed.index(item) + 1 if item in listed else 0)
    assert popularity_ranks(held_out, popularity, rows, items).tolist() == expected
    assert 0 in expected and max(expected) > 10


def test_users_without_a_history_get_the_plain_list() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    found = popularity_ranks(np.array([2, 3, 1]), np.array([0, 5, 9, 5]), nobody, nobody)
    assert found.tolist() == [1, 3, 2] and found.dtype == np.int64
    found = popularity_ranks(np.array([2, 3, 1]), np.array([0, 5, 9, 5]), np.array([0]), np.array([1]))
    assert found.tolist() == [1, 3, 2]
