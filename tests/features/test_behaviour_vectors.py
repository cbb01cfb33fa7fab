from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.features.behaviour_vectors import (
    VECTORS_FILE,
    cooccurrence_vectors,
    read_item_vectors,
    write_item_vectors,
)

N_ITEMS = 12


def interactions(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Users who choose from the first six items or from the last six."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(60), 5)
    return users, rng.integers(0, 6, len(users)) + 6 * (users % 2)


def literal_vectors(users, items, n_items, width, negatives, window, longest):
    """Counts, PMI and the factorisation by definition, one pair after another."""
    count = [[0] * n_items for _ in range(n_items)]
    for user in sorted(set(users.tolist())):
        history = items[users == user].tolist()
        history = history if longest is None else history[-longest:]
        met = set()
        for (a, first), (b, second) in combinations(enumerate(history), 2):
            if first != second and (window is None or b - a <= window):
                met.add((min(first, second), max(first, second)))
        for first, second in met:
            count[first][second] += 1
            count[second][first] += 1
    total = sum(map(sum, count))
    share = [sum(row) / total for row in count]
    smoothed = [p**0.75 / sum(q**0.75 for q in share) for p in share]
    information = np.zeros((n_items, n_items))
    for i in range(n_items):
        for j in range(n_items):
            if count[i][j]:
                ratio = count[i][j] / total / share[i] / smoothed[j]
                information[i, j] = max(0.0, math.log(ratio) - math.log(negatives))
    left, values, _ = np.linalg.svd(information)
    return left[:, :width] * np.sqrt(values[:width])


@pytest.mark.parametrize("longest", [None, 3])
@pytest.mark.parametrize("window", [None, 1])
@pytest.mark.parametrize("negatives", [1, 2])
@pytest.mark.parametrize("width", [3, N_ITEMS])
def test_vectors_are_the_factorisation_of_shifted_pmi_by_its_definition(width, negatives, window, longest):
    users, items = interactions()
    expected = literal_vectors(users, items, N_ITEMS, width, negatives, window, longest)
    found = cooccurrence_vectors(
        users, items, N_ITEMS, width=width, negatives=negatives, window=window, max_user_items=longest
    )
    assert found.dtype == np.float32 and found.shape[1] <= width
    assert found @ found.T == pytest.approx(expected @ expected.T, abs=1e-4)  # whatever the columns' signs are
    assert np.abs(found).max() > 0.1


def test_the_same_interactions_give_the_same_bits_and_items_of_one_shelf_are_alike():
    first, second = (cooccurrence_vectors(*interactions(), N_ITEMS, width=4, negatives=1) for _ in range(2))
    assert np.array_equal(first, second)
    unit = first / np.linalg.norm(first, axis=1, keepdims=True)
    cosine = unit @ unit.T
    assert cosine[:6, :6].mean() > cosine[:6, 6:].mean() + 0.3


def test_items_that_meet_nobody_have_no_vector_and_columns_of_rounding_errors_are_left_out():
    users, items = interactions()
    found = cooccurrence_vectors(np.r_[users, 900], np.r_[items, N_ITEMS], N_ITEMS + 2, width=14, negatives=1)
    assert not found[N_ITEMS:].any() and found[:N_ITEMS].any(axis=1).all()
    assert found.shape[1] <= N_ITEMS and np.abs(found).max(axis=0).min() > 1e-4


def test_without_company_beyond_chance_there_is_no_behaviour():
    for users, items in (([], []), ([1, 2], [0, 1])):
        with pytest.raises(ValueError, match="no two items co-occur more often than chance .*lower behaviour_neg"):
            cooccurrence_vectors(users, items, 3, width=2, negatives=5)


def test_learnt_vectors_come_back_by_their_items_from_a_file_or_its_folder(tmp_path: Path):
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    path = tmp_path / "model" / VECTORS_FILE
    path.parent.mkdir()
    write_item_vectors(path, ["a", "7", "c"], vectors, training_interactions="0" * 32, learnt_by="SASRec")
    for place in (path, path.parent):
        found = read_item_vectors(place, ["c", "unheard of", "a"])
        assert found.values == pytest.approx(np.array([vectors[2], np.zeros(4), vectors[0]]), abs=1e-6)
        assert found.present.tolist() == [True, False, True]
        assert (found.training_interactions, found.learnt_by) == ("0" * 32, "SASRec")


def test_a_plain_feature_file_does_not_say_what_it_was_learnt_from(tmp_path: Path):
    np.savez(tmp_path / "v.npz", item_id=np.array(["a"]), embedding=np.ones((1, 2)))
    found = read_item_vectors(tmp_path / "v.npz", ["a"])
    assert found.training_interactions is None and found.learnt_by is None


def test_what_cannot_be_read_as_item_vectors_is_refused(tmp_path: Path):
    with pytest.raises(
        FileNotFoundError, match="no file of item vectors .*cooccurence: name an .npz .* 'cooccurrence'"
    ):
        read_item_vectors(tmp_path / "cooccurence", ["a"])
    with pytest.raises(FileNotFoundError, match=f"{VECTORS_FILE}: name an .npz"):
        read_item_vectors(tmp_path, ["a"])
    (tmp_path / "v.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"item vectors come as .npz, not as '.npy'"):
        read_item_vectors(tmp_path / "v.npy", ["a"])
    np.savez(tmp_path / "v.npz", item_id=np.array(["a"]), embedding=np.array([[np.nan]]))
    with pytest.raises(ValueError, match="the vector of item 'a' .* are NaN or infinite"):
        read_item_vectors(tmp_path / "v.npz", ["a"])
    with pytest.raises(ValueError, match=r"shape \[2, 1\] for 1 items: pass one row per item"):
        write_item_vectors(tmp_path / "w.npz", ["a"], np.ones((2, 1)), training_interactions="", learnt_by="x")
