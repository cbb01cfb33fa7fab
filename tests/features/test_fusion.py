from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from recbole_adasid.features.fusion import FUSIONS, fuse
from recbole_adasid.features.vectors import ItemFeatures


def fused(*arguments, **settings):
    return fuse(*arguments, **settings)[0]


def modality(width, missing=(), n_items=12, seed=0):
    values = np.random.default_rng(seed).normal(size=(n_items, width)).astype(np.float32)
    present = ~np.isin(np.arange(n_items), missing)
    return ItemFeatures(values=values, source={}, present=None if present.all() else present)


def literal(modalities, weights, unit_length):
    """Each item's weighted vectors, one after another: None where it has none."""
    rows = []
    for item in range(len(modalities[0].values)):
        row = []
        for one, weight in zip(modalities, weights):
            vector = one.values[item].tolist()
            length = math.sqrt(sum(x * x for x in vector)) if unit_length else 1
            there = one.present is None or one.present[item]
            row.append([weight * x / length for x in vector] if there else None)
        rows.append(row)
    return rows


@pytest.mark.parametrize("unit_length", [True, False])
def test_concatenation_is_weighted_and_zero_where_a_modality_is_missing(unit_length):
    given, weights = [modality(3), modality(5, missing=[1, 4], seed=1)], [1.0, 0.5]
    expected = [
        [x for vector, width in zip(row, (3, 5)) for x in (vector or [0.0] * width)]
        for row in literal(given, weights, unit_length)
    ]
    found = fused(given, weights, fusion="concatenate", unit_length=unit_length)
    assert found == pytest.approx(np.array(expected), abs=1e-6) and found.dtype == np.float32


@pytest.mark.parametrize("unit_length", [True, False])
def test_the_mean_is_over_the_modalities_that_an_item_has(unit_length):
    given, weights = [modality(4, missing=[2]), modality(4, missing=[2, 5], seed=1)], [2.0, 0.5]
    expected = []
    for row in literal(given, weights, unit_length):
        total = sum(weight for vector, weight in zip(row, weights) if vector)
        there = [vector for vector in row if vector]
        expected.append([sum(column) / total for column in zip(*there)] if there else [0.0] * 4)
    found = fused(given, weights, fusion="mean", unit_length=unit_length)
    assert found == pytest.approx(np.array(expected), abs=1e-6)
    assert not found[2].any()


def test_pca_keeps_the_directions_of_greatest_variance():
    given = [modality(3), modality(2, seed=1)]
    whole = fused(given, [1.0, 1.0], fusion="concatenate").astype(np.float64)
    centred = whole - whole.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    best = directions[:, np.argsort(-values)[:2]]
    found = fused(given, [1.0, 1.0], fusion="pca", width=2)
    assert found @ found.T == pytest.approx(centred @ best @ best.T @ centred.T, abs=1e-5)
    assert np.array_equal(found, fused(given, [1.0, 1.0], fusion="pca", width=2))


def test_whitened_columns_have_variance_one_and_no_correlation():
    found = fused([modality(3, n_items=50), modality(2, n_items=50, seed=1)], [1.0, 1.0], fusion="whitening", width=4)
    assert np.cov(found.T, bias=True) == pytest.approx(np.eye(4), abs=1e-5)


@pytest.mark.parametrize("fusion", ["pca", "whitening"])
def test_directions_in_which_items_do_not_differ_are_left_out(fusion, caplog):
    same = modality(3)
    with caplog.at_level(logging.WARNING):
        found = fused([same, same], [1.0, 1.0], fusion=fusion, width=6, unit_length=False)
    assert found.shape == (12, 3) and np.abs(found).max() < 20
    assert "fusion_width=6" in caplog.text and "using 3" in caplog.text
    assert fused([same, same], [1.0, 1.0], fusion=fusion, unit_length=False).shape == (12, 3)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_items_that_are_all_alike_are_fused(fusion):
    alike = ItemFeatures(values=np.ones((4, 2), dtype=np.float32), source={})
    assert np.isfinite(fused([alike, alike], [1.0, 1.0], fusion=fusion)).all()


def test_what_cannot_be_fused_is_refused():
    with pytest.raises(ValueError, match=r"equal width, got \[3, 2\]"):
        fused([modality(3), modality(2)], [1.0, 1.0], fusion="mean")
    with pytest.raises(ValueError, match="Unknown fusion 'sum'.* Valid are: concatenate, mean, pca, whitening"):
        fused([modality(3)], [1.0], fusion="sum")
