"""Collision loads and their strengthening against the loops of Eq. 9 and 10."""

from __future__ import annotations

import math

import pytest
import torch

from literal_regulation import F_MAX, F_MIN, case, literal_factors, regulation
from recbole_adasid.tokenizer.regulation.collision_load import Loads, saturation
from recbole_adasid.tokenizer.regulation.overlap import find_overlaps
from recbole_adasid.tokenizer.training.sampling import PairBatch


@pytest.mark.parametrize("reference", ["batch", "largest", "depth"])
@pytest.mark.parametrize("region", ["signature", "codes"])
@pytest.mark.parametrize("n_levels", [1, 3, 5])
def test_every_kind_of_load_and_of_its_scale_equals_the_loops(region, reference, n_levels):
    _, codes, batch, draws = case(n_draws=30, n_items=20, n_levels=n_levels)
    codes = torch.tensor([0, 7, 65_535])[codes]
    pairs = find_overlaps(codes, batch.counts)
    regulating = regulation(
        thresholds=[0.1] * n_levels, margins=[1.1] * n_levels, load_region=region, load_reference=reference
    )
    found = dict(zip(zip(pairs.first.tolist(), pairs.second.tolist()), regulating.factor(pairs, codes, 30).tolist()))
    expected = literal_factors(codes, draws, region, reference)
    assert found == pytest.approx({(i, j): factor for (i, j), factor in expected.items() if i < j})
    assert len(set(expected.values())) > 1 or n_levels == 1


def test_equal_semantic_ids_are_strengthened_by_how_many_share_theirs_where_loads_are_of_codes_and_depths():
    # Three items share one Semantic ID, two another one, and all five the first code, as do many more.
    codes = torch.tensor([[0, 1, 1]] * 3 + [[0, 2, 2]] * 2 + [[0, k, k] for k in range(3, 23)])
    pairs = find_overlaps(codes, torch.ones(25))
    equal = pairs.depth == 3
    printed = regulation(load_saturation=0.9).factor(pairs, codes, 25)
    assert printed[equal].max() < printed[~equal].min()
    settings = {"load_region": "codes", "load_reference": "depth", "load_saturation": 1.0, "alpha": 1.0}
    factor = regulation(**settings).factor(pairs, codes, 25)
    assert factor[equal].tolist() == [F_MAX] * 3 + [pytest.approx(F_MIN + (F_MAX - F_MIN) * 2 / 6)]


def test_strengthening_is_bounded_increasing_and_saturates():
    loads = torch.tensor([0.0, 2.0, 10.0, 100.0, 110.0, 10_000.0])
    factors = regulation().strengthening(loads, torch.tensor(0.2 * 24 * 23))
    assert factors[0] == F_MIN
    assert (factors.diff()[:4] > 0).all()
    assert factors[-1] == F_MAX
    assert factors[3] == pytest.approx(F_MIN + (F_MAX - F_MIN) * math.sqrt(100 / 110.4))


def test_one_draw_has_no_load_and_the_smallest_factor():
    latent, codes = torch.randn(1, 3), torch.zeros(1, 3, dtype=torch.long)
    stats = regulation().collision(latent, codes, PairBatch.of(torch.tensor([4]), 0)).stats
    assert all(math.isfinite(value) for value in stats.values())
    loads = Loads(torch.zeros(0, dtype=torch.long), torch.zeros(8), torch.arange(8) % 4)
    for reference in ("batch", "largest", "depth"):
        d_max = saturation(loads, 0.2, reference, n_draws=1)
        assert regulation().strengthening(loads.load, d_max).tolist() == [F_MIN] * 8


@pytest.mark.parametrize(
    ("reference", "share", "expected"),
    [
        ("batch", 0.5, 36.0),
        ("batch", 0.001, 1.0),
        ("largest", 0.5, 3.0),
        ("largest", 0.01, 1.0),
        ("depth", 0.5, [1.0, 1.0, 3.0, 1.0]),
        ("depth", 0.01, [1.0] * 4),
    ],
)
def test_a_load_is_saturated_at_a_share_of_its_reference_but_at_least_at_one(reference, share, expected):
    loads = Loads(torch.zeros(0, dtype=torch.long), torch.tensor([2.0, 0.0, 6.0, 1.0]), torch.tensor([1, 2, 3, 1]))
    assert saturation(loads, share, reference, n_draws=9).tolist() == pytest.approx(expected)
