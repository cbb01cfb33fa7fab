from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.features import stand_in_vectors as filling
from recbole_adasid.features.preparation import Prepared
from recbole_adasid.features.stand_in_vectors import NEIGHBOURS, anchors_of, filled

MISSING = [2, 9, 30]


def given(n_items: int = 40) -> tuple[Prepared, np.ndarray]:
    random = np.random.default_rng(0)
    present = ~np.isin(np.arange(n_items), MISSING)
    values = np.where(present[:, None], random.normal(size=(n_items, 3)), 0)
    return Prepared(values, present, {}), random.normal(size=(n_items, 4))


@pytest.mark.parametrize("block", [1_024, 2])
def test_a_missing_vector_is_the_mean_of_those_of_the_items_most_alike(monkeypatch, block):
    monkeypatch.setattr(filling, "_ROWS_AT_ONCE", block)
    wanted, known = given()
    found = filled(wanted, known, anchors_of(wanted, known))
    for row in range(40):
        if row not in MISSING:
            assert np.array_equal(found[row], wanted.values[row])
            continue
        others = [other for other in range(40) if other not in MISSING]
        cosine = {o: known[row] @ known[o] / np.linalg.norm(known[row]) / np.linalg.norm(known[o]) for o in others}
        nearest = sorted(others, key=lambda other: -cosine[other])[:NEIGHBOURS]
        assert found[row] == pytest.approx(np.mean([wanted.values[o] for o in nearest], axis=0), abs=1e-6)


def test_an_item_of_which_nothing_is_known_gets_the_mean_of_all():
    wanted, known = given()
    known[9] = 0
    mean = wanted.values[wanted.present].mean(axis=0)
    assert filled(wanted, known, anchors_of(wanted, known))[9] == pytest.approx(mean, abs=1e-6)
    bare = known[:, :0]
    assert filled(wanted, bare, anchors_of(wanted, bare))[MISSING] == pytest.approx(np.tile(mean, (3, 1)), abs=1e-6)


def test_of_many_items_some_are_kept_all_over_the_catalogue(monkeypatch):
    monkeypatch.setattr(filling, "MOST_ANCHORS", 10)
    wanted, known = given()
    anchors = anchors_of(wanted, known)
    assert anchors["vectors"].shape == (10, 3) and anchors["known"].shape == (10, 4)
    kept = [row for row in range(40) if (np.abs(wanted.values[row] - anchors["vectors"]).max(axis=1) < 1e-6).any()]
    assert kept[0] == 0 and kept[-1] == 39


def test_fewer_items_than_neighbours_or_none_at_all():
    wanted, known = given()
    few = Prepared(np.where(np.arange(40)[:, None] < 2, wanted.values, 0), np.arange(40) < 2, {})
    assert filled(few, known, anchors_of(few, known))[39] == pytest.approx(few.values[:2].mean(axis=0), abs=1e-6)
    nobody = Prepared(np.zeros((40, 3)), np.zeros(40, dtype=bool), {})
    assert not filled(nobody, known, anchors_of(nobody, known)).any()
