from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from recbole_adasid.features.preparation import Preparation, principal_directions
from recbole_adasid.features.vectors import ItemFeatures


def features(n_items=40, width=6, missing=(), seed=0):
    values = np.random.default_rng(seed).normal(size=(n_items, width)) * np.arange(1, width + 1) + 3
    present = ~np.isin(np.arange(n_items), missing)
    return ItemFeatures(values.astype(np.float32), {}, None if present.all() else present)


def test_by_default_vectors_get_length_one_and_nothing_is_learnt():
    found = Preparation()(features(missing=[4]))
    length = np.linalg.norm(found.values, axis=1)
    assert np.delete(length, 4) == pytest.approx(np.ones(39)) and length[4] == 0 and found.learnt == {}


def test_principal_columns_are_those_of_greatest_variance_of_the_items_that_have_the_modality():
    given = features(missing=[0, 7])
    found = Preparation(unit_length=False, width=2)(given)
    there = np.delete(np.arange(40), [0, 7])
    values = given.values[there].astype(np.float64)
    centred = values - values.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * size[:2]
    assert np.abs(found.values[there]) == pytest.approx(np.abs(expected), abs=1e-9)
    assert not found.values[[0, 7]].any()


def test_balanced_vectors_have_mean_zero_and_total_variance_one_and_missing_ones_stand_at_the_mean():
    given = features(missing=[3])
    found = Preparation(unit_length=False, balanced=True)(given)
    rows = [row for row in range(40) if row != 3]
    mean = [sum(given.values[row, column] for row in rows) / 39 for column in range(6)]
    total = sum((given.values[row, column] - mean[column]) ** 2 for row in rows for column in range(6)) / 39
    literal = [[(given.values[row, column] - mean[column]) / math.sqrt(total) for column in range(6)] for row in rows]
    assert found.values[rows] == pytest.approx(np.array(literal), abs=1e-6)
    assert not found.values[3].any()


@pytest.mark.parametrize("width", [None, 3])
@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("unit_length", [True, False])
def test_further_items_come_into_the_same_space(unit_length, balanced, width):
    prepare, whole = Preparation(unit_length, width, balanced), features()
    first = prepare(whole)
    again = prepare(ItemFeatures(whole.values[5:9], {}), first.learnt)
    assert again.values == pytest.approx(first.values[5:9], abs=1e-12) and again.learnt == {}


def test_directions_have_their_largest_entry_positive_and_none_without_variance(caplog):
    values = np.random.default_rng(0).normal(size=(30, 2)) @ np.random.default_rng(1).normal(size=(2, 5))
    with caplog.at_level(logging.WARNING):
        found = principal_directions(values - values.mean(axis=0), 4)
    assert found.shape == (2, 5) and "width=4 exceeds the number of directions" in caplog.text
    assert (found[np.arange(2), np.abs(found).argmax(axis=1)] > 0).all()
    assert found @ found.T == pytest.approx(np.eye(2), abs=1e-9)


@pytest.mark.parametrize("missing", [range(40), []])
def test_items_that_do_not_differ_stay_finite(missing):
    alike = ItemFeatures(np.ones((40, 3), dtype=np.float32), {}, ~np.isin(np.arange(40), list(missing)))
    assert np.isfinite(Preparation(True, 2, True)(alike).values).all()


@pytest.mark.parametrize(
    "part, values", [("mean", np.zeros(1)), ("directions", np.zeros((2, 5))), ("deviation", np.zeros(()))]
)
def test_state_that_does_not_fit_is_refused(part, values):
    preparation = Preparation(True, 2, True)
    learnt = preparation(features()).learnt
    assert np.isfinite(preparation(features(seed=1), learnt).values).all()
    with pytest.raises(ValueError, match="does not fit its 6 columns: restore"):
        preparation(features(seed=1), {**learnt, part: values})
    with pytest.raises(KeyError, match=part):
        preparation(features(seed=1), {name: array for name, array in learnt.items() if name != part})
