"""AdaSID's regulation against Eq. 13 written out as loops over ordered pairs of draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from literal_regulation import (
    F_MAX,
    MARGINS,
    THRESHOLDS,
    Case,
    apart,
    case,
    cosine,
    literal_collision_loss,
    literal_factors,
    ordered_candidates,
    overlap_depth,
    regulation,
    schedule,
)
from recbole_adasid.tokenizer.regulation.adasid import AdaptiveRegulation
from recbole_adasid.tokenizer.regulation.base import NoRegulation
from recbole_adasid.tokenizer.regulation.overlap import find_overlaps
from recbole_adasid.tokenizer.regulation.quantile import BINS
from recbole_adasid.tokenizer.training.sampling import PairBatch


@pytest.mark.parametrize("relax", [True, False])
@pytest.mark.parametrize("strengthen", [True, False])
@pytest.mark.parametrize("agreement", ["positions", "prefix"])
def test_collision_loss_and_gradient_equal_equation_13(relax: bool, strengthen: bool, agreement: str) -> None:
    given = case()
    mine, theirs = given.latent.clone().requires_grad_(), given.latent.clone().requires_grad_()
    kinds = {"semantic_relaxation": relax, "load_strengthening": strengthen, "overlap_agreement": agreement}
    ours = regulation(**kinds).collision(mine, given.codes, given.batch).loss
    literal = literal_collision_loss(
        given._replace(latent=theirs), relax=relax, strengthen=strengthen, agreement=agreement
    )
    torch.testing.assert_close(ours, literal, rtol=1e-5, atol=1e-5)
    ours.backward()
    literal.backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_a_gate_on_features_compares_them_in_place_of_the_latents() -> None:
    given = case()
    features = torch.randn(len(given.codes), 9, generator=torch.Generator().manual_seed(1))
    regulating = regulation(relaxation_similarity="features")
    assert regulating.compares_features and not regulation().compares_features
    assert not regulation(relaxation_similarity="features", semantic_relaxation=False).compares_features
    term = regulating.collision(given.latent, given.codes, given.batch, features)
    literal = literal_collision_loss(given, relax=True, strengthen=True, gate_vectors=features)
    torch.testing.assert_close(term.loss, literal, rtol=1e-5, atol=1e-5)
    similar = [float(cosine(features[i], features[j])) for i, j in ordered_candidates(given.codes, given.draws)]
    assert term.stats["similarity"] == pytest.approx(sum(similar) / len(similar), abs=1e-6)


def literal_quantiles(given: Case, shares: list[float]) -> list[float]:
    """The lowest edge of a bin below which at least the share of each depth's draws lies."""
    cosines: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for i, j in ordered_candidates(given.codes, given.draws):
        cosines[overlap_depth(given.codes[i], given.codes[j])].append(float(cosine(given.latent[i], given.latent[j])))
    edges = [-math.cos(edge * math.pi / BINS) for edge in range(BINS + 1)]
    return [
        next(edge for edge in edges if sum(value < edge for value in found) >= share * len(found))
        for share, found in zip(shares, cosines.values())
    ]


def test_thresholds_in_quantiles_relax_the_most_similar_of_each_depth() -> None:
    given, shares = case(n_draws=40, n_items=25), [0.5, 0.7, 0.9]
    thresholds = literal_quantiles(given, shares)
    regulating = regulation(thresholds=shares, threshold_unit="quantile")
    term = regulating.collision(given.latent, given.codes, given.batch)
    literal = literal_collision_loss(given, relax=True, strengthen=True, thresholds=thresholds)
    torch.testing.assert_close(term.loss, literal, rtol=1e-5, atol=1e-5)
    assert 0.3 < term.stats["relaxed_share"] < 0.6


@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_quantiles_tell_pairs_apart_that_are_all_alike(spread: float) -> None:
    given = case(n_draws=40, n_items=25)
    latent = 1 + spread * given.latent
    regulating = regulation(thresholds=[0.5] * 3, threshold_unit="quantile")
    relaxed = regulating.collision(latent, given.codes, given.batch).stats["relaxed_share"]
    assert relaxed == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("share", "relaxed"), [(0.0, 1.0), (1.0, 0.0), (1.5, 0.0)])
def test_the_quantiles_0_and_1_relax_everything_and_nothing(share: float, relaxed: float) -> None:
    given = case()
    regulating = regulation(thresholds=[share] * 3, threshold_unit="quantile")
    assert regulating.collision(given.latent, given.codes, given.batch).stats["relaxed_share"] == pytest.approx(relaxed)


def test_reductions_divide_the_sum_by_pairs_or_by_draws():
    latent, codes, batch, draws = case()
    total = regulation(reduction="sum").collision(latent, codes, batch).loss
    n_ordered = len(ordered_candidates(codes, draws))
    mean = regulation(reduction="mean").collision(latent, codes, batch).loss
    per_item = regulation(reduction="per_item").collision(latent, codes, batch).loss
    torch.testing.assert_close(mean, total / n_ordered)
    torch.testing.assert_close(per_item, total / len(draws))


@pytest.mark.parametrize("weights", [{}, {"load_region": "codes", "load_reference": "depth"}])
def test_the_mean_per_depth_and_its_gradient_equal_the_loops(weights):
    latent, codes, batch, draws = case()
    mine, theirs = latent.clone().requires_grad_(), latent.clone().requires_grad_()
    term = regulation(reduction="per_depth", **weights).collision(mine, codes, batch)
    kind = (weights.get("load_region", "signature"), weights.get("load_reference", "batch"))
    factors = literal_factors(codes, draws, *kind)
    by_depth: dict[int, list[Tensor]] = {}
    for i, j in ordered_candidates(codes, draws):
        depth, similarity = overlap_depth(codes[i], codes[j]), cosine(theirs[i], theirs[j])
        retained = not bool(similarity >= THRESHOLDS[depth - 1])
        penalty = (MARGINS[depth - 1] - (1 - similarity)).clamp_min(0) * retained
        by_depth.setdefault(depth, []).append(factors[i, j] * penalty)
    literal = torch.stack([torch.stack(terms).mean() for terms in by_depth.values()]).mean()
    assert set(by_depth) == {1, 2, 3}
    torch.testing.assert_close(term.loss, literal, rtol=1e-5, atol=1e-6)
    ours, expected = torch.autograd.grad(term.loss, mine)[0], torch.autograd.grad(literal, theirs)[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_depths_that_do_not_occur_do_not_count_in_the_mean_per_depth():
    latent, codes, batch, _ = case()
    shallow = torch.where(torch.arange(3) == 0, codes, torch.arange(codes.numel()).view_as(codes) + 10)
    mean, per_depth = (regulation(reduction=kind).collision(latent, shallow, batch) for kind in ("mean", "per_depth"))
    torch.testing.assert_close(mean.loss, per_depth.loss)


def test_a_cosine_at_its_threshold_is_admissible():
    similarity = torch.tensor(THRESHOLDS)
    pairs = find_overlaps(torch.tensor([[0, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]]), torch.ones(4))
    chosen = [pairs.depth.tolist().index(depth) for depth in (1, 2, 3)]
    pairs = pairs._replace(depth=pairs.depth[chosen])
    assert regulation().gate(similarity, pairs).all()
    assert not regulation().gate(torch.nextafter(similarity, torch.tensor(-1.0)), pairs).any()


def test_a_batch_without_overlap_or_with_one_item_costs_exactly_nothing():
    for codes, batch in [
        (torch.arange(12).view(4, 3), apart(4)),
        (torch.zeros(1, 3, dtype=torch.long), PairBatch.of(torch.zeros(4, dtype=torch.long), 2)),
    ]:
        latent = torch.randn(len(codes), 3, requires_grad=True)
        term = regulation(reduction="mean").collision(latent, codes, batch)
        assert term.loss.item() == 0
        assert term.stats["repelled_share"] == 0
        assert torch.autograd.grad(term.loss, latent)[0].abs().sum() == 0


def test_a_margin_within_the_threshold_never_repels():
    # A pair that the gate retains has d > 1 − η, so the hinge of a margin m ≤ 1 − η is closed.
    latent, codes, batch, _ = case()
    margins = [1 - eta for eta in THRESHOLDS]
    term = regulation(margins=margins).collision(latent, codes, batch)
    assert term.loss.item() == 0
    assert term.stats["relaxed_share"] > 0


def test_no_regulation_weighs_nothing_but_the_constant_alignment():
    assert NoRegulation(collaborative_weight=0.1).weights(5, 10) == (0.0, 0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thresholds": [0.3, 0.2, 0.4]}, "must not decrease"),
        ({"margins": [1.0]}, "one of each per level"),
        ({"f_max": 0.5}, "load_f_min <= load_f_max"),
        ({"load_saturation": 0.0}, r"load_saturation must lie in \(0, 1\]"),
        ({"reduction": "median"}, "Unknown collision_reduction 'median'.* Valid are: mean, per_depth, per_item, sum"),
        ({"load_region": "prefix"}, "Unknown load_region 'prefix'.* Valid are: codes, signature"),
        ({"overlap_agreement": "suffix"}, "Unknown overlap_agreement 'suffix'.* Valid are: positions, prefix"),
        ({"relaxation_similarity": "codes"}, "Unknown relaxation_similarity 'codes'.* Valid are: features, latent"),
        ({"threshold_unit": "rank"}, "Unknown relaxation_unit 'rank'.* Valid are: cosine, quantile"),
        ({"load_reference": "epoch"}, "Unknown load_reference 'epoch'.* Valid are: batch, depth, largest"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        regulation(**changes)


def at_its_bounds(**changes: float | list[float]) -> AdaptiveRegulation:
    given = {"thresholds": [0.1, 0.1], "margins": [1.0, 1.0], "f_min": 0.0, "f_max": 0.0, "load_saturation": 1.0}
    return AdaptiveRegulation(**{**given, "alpha": 0.1, "schedule": schedule(), **changes})


def test_adasid_s_regulation_is_the_printed_one_with_the_mean_unless_it_is_told_otherwise() -> None:
    found = at_its_bounds()
    assert (found.load_region, found.load_reference, found.reduction) == ("signature", "batch", "mean")
    assert (found.semantic_relaxation, found.load_strengthening) == (True, True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"f_min": -0.1}, "load factors must satisfy 0 <= load_f_min <= load_f_max, got -0.1 and 0.0"),
        ({"f_min": 0.1}, "load factors must satisfy"),
        ({"load_saturation": 0.0}, "load_saturation must lie in"),
        ({"load_saturation": 1.1}, "load_saturation must lie in"),
        ({"alpha": 0.0}, "load_saturation must lie in"),
        ({"margins": [1.0]}, "collision_margins has 1 values and relaxation_thresholds 2"),
    ],
)
def test_values_of_adasid_s_regulation_beyond_their_bounds_are_refused(
    changes: dict[str, float | list[float]], told: str
) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        at_its_bounds(**changes)


def test_no_regulation_costs_nothing_and_aligns_nothing_unless_it_is_told_to() -> None:
    none = NoRegulation()
    assert none.weights(0, 1) == (0.0, 0.0) and not none.aligns_pairs
    term = none.collision(torch.ones(2, 3), torch.zeros(2, 1, dtype=torch.int64), None)  # type: ignore[arg-type]
    assert term.loss.shape == () and term.loss == 0 and term.stats == {}


def test_depths_that_occur_share_the_mean_alike_however_few_pairs_they_have():
    assert AdaptiveRegulation._shares(torch.tensor([1.0, 0.0, 4.0])).tolist() == [1 / 2, 0, 1 / 8]
    assert AdaptiveRegulation._shares(torch.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("reduction", ["mean", "per_depth"])
def test_one_pair_alone_has_the_whole_mean_and_all_shares(reduction):
    latent, codes = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[0, 1, 2], [0, 5, 6]])
    regulating = regulation(reduction=reduction, semantic_relaxation=False, load_saturation=1.0)
    term = regulating.collision(latent, codes, apart(2))
    # Its load is 2, as is the number of ordered pairs, so that it is strengthened by F_MAX.
    assert term.loss.item() == pytest.approx(F_MAX * (MARGINS[0] - (1 - 0.6)))
    assert term.stats["similarity"] == pytest.approx(0.6) and term.stats["load_factor"] == F_MAX
    assert term.stats["overlap_rate"] == term.stats["repelled_share"] == 1 and term.stats["relaxed_share"] == 0
    for name, value in {"pair_share": 1, "weight_share": 1, "load_factor": F_MAX}.items():
        assert [term.stats[f"{name}_of_depth_{depth}"] for depth in (1, 2, 3)] == [value, 0, 0]
