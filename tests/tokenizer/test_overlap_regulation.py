"""AdaSID's regulation against the paper's equations, written out as loops over ordered pairs of draws."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from recbole_adasid.tokenizer.regulation import AdaptiveRegulation, NoRegulation, ProgressSchedule
from recbole_adasid.tokenizer.regulation.load import Loads, saturation
from recbole_adasid.tokenizer.regulation.overlap import find_overlaps
from recbole_adasid.tokenizer.training.sampling import PairBatch

THRESHOLDS, MARGINS = [0.1, 0.3, 0.6], [1.1, 1.3, 1.5]
F_MIN, F_MAX, SATURATION, ALPHA = 1.0, 3.0, 0.2, 0.5


def regulation(**changes) -> AdaptiveRegulation:
    schedule = ProgressSchedule(start=0.0, end=1.0, collision_floor=0.05, collaborative_ceiling=0.35)
    settings = {
        "thresholds": THRESHOLDS,
        "margins": MARGINS,
        "f_min": F_MIN,
        "f_max": F_MAX,
        "load_saturation": SATURATION,
        "alpha": ALPHA,
        "schedule": schedule,
        "reduction": "sum",
    }
    return AdaptiveRegulation(**{**settings, **changes})


class Case(NamedTuple):
    """A batch as the regulation gets it, a row an item, and which row each draw is."""

    latent: Tensor
    codes: Tensor
    batch: PairBatch
    draws: Tensor


def case(n_draws: int = 24, n_items: int = 15, n_levels: int = 3) -> Case:
    generator = torch.Generator().manual_seed(3)
    drawn = torch.randint(n_items, (n_draws,), generator=generator)  # some items are drawn twice
    batch = PairBatch.of(drawn, n_draws // 3)
    latent = torch.randn(len(batch.items), 4, generator=generator)
    codes = torch.randint(3, (len(batch.items), n_levels), generator=generator)
    return Case(latent, codes, batch, torch.searchsorted(batch.items, drawn))


def apart(n_items: int) -> PairBatch:
    return PairBatch.of(torch.arange(n_items), 0)


def overlap_depth(a: Tensor, b: Tensor) -> int:
    return sum(int(x == y) for x, y in zip(a.tolist(), b.tolist()))


def signature(a: Tensor, b: Tensor) -> tuple[bool, ...]:
    return tuple(x == y for x, y in zip(a.tolist(), b.tolist()))


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / (a.norm() * b.norm())


def ordered_candidates(codes: Tensor, draws: Tensor) -> list[tuple[int, int]]:
    """Eq. 2: ordered pairs of draws of different items that agree somewhere, as the rows of their items."""
    return [(i, j) for i in draws.tolist() for j in draws.tolist() if i != j and overlap_depth(codes[i], codes[j]) > 0]


def literal_collision_loss(latent: Tensor, codes: Tensor, draws: Tensor, *, relax: bool, strengthen: bool) -> Tensor:
    """Eq. 13 as printed: a sum over ordered pairs."""
    candidates = ordered_candidates(codes, draws)
    d_max = SATURATION * len(draws) * (len(draws) - 1)
    total = latent.new_zeros(())
    for i, j in candidates:
        depth = overlap_depth(codes[i], codes[j])
        similarity = cosine(latent[i], latent[j])
        gate = relax and bool(similarity >= THRESHOLDS[depth - 1])
        load = sum(signature(codes[u], codes[v]) == signature(codes[i], codes[j]) for u, v in candidates)
        factor = F_MIN + (F_MAX - F_MIN) * (min(load, d_max) / d_max) ** ALPHA if strengthen else 1.0
        penalty = (MARGINS[depth - 1] - (1 - similarity)).clamp_min(0)
        total = total + factor * (1 - int(gate)) * penalty
    return total


@pytest.mark.parametrize("n_levels", [1, 2, 3, 4, 7, 8])
def test_overlaps_equal_the_loops(n_levels):
    _, codes, batch, draws = case(n_draws=40, n_items=25, n_levels=n_levels)
    codes = torch.tensor([0, 255, 32_768, 65_535])[codes]
    found = find_overlaps(codes, batch.counts)
    listed = list(zip(found.first.tolist(), found.second.tolist()))
    expected = Counter((i, j) for i, j in ordered_candidates(codes, draws) if i < j)
    assert dict(zip(listed, found.times.tolist())) == expected and len(listed) == len(expected)
    assert max(expected.values()) > 1
    assert found.depth.tolist() == [overlap_depth(codes[i], codes[j]) for i, j in listed]
    signatures = [sum(bit << level for level, bit in enumerate(signature(codes[i], codes[j]))) for i, j in listed]
    assert found.signature.tolist() == signatures


def agreed(a: Tensor, b: Tensor) -> tuple[int | None, ...]:
    """The codes on which two Semantic IDs agree, and None where they do not."""
    return tuple(x if x == y else None for x, y in zip(a.tolist(), b.tolist()))


REGION = {"signature": signature, "codes": agreed}


def literal_factors(codes: Tensor, draws: Tensor, region: str, reference: str) -> dict[tuple[int, int], float]:
    """Eq. 9 and 10 for each ordered pair, with every way to count a load and to scale it."""
    candidates = ordered_candidates(codes, draws)
    regions = {(i, j): REGION[region](codes[i], codes[j]) for i, j in candidates}
    depths = {(i, j): overlap_depth(codes[i], codes[j]) for i, j in candidates}
    loads = Counter(regions[pair] for pair in candidates)
    largest_at = {o: max(loads[regions[pair]] for pair in candidates if depths[pair] == o) for o in depths.values()}
    found = {}
    for pair in candidates:
        own = loads[regions[pair]]
        batch, largest = len(draws) * (len(draws) - 1), max(loads.values())
        d_max = max(
            1.0, SATURATION * {"batch": batch, "largest": largest, "depth": largest_at[depths[pair]]}[reference]
        )
        found[pair] = F_MIN + (F_MAX - F_MIN) * (min(own, d_max) / d_max) ** ALPHA
    return found


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


@pytest.mark.parametrize("relax", [True, False])
@pytest.mark.parametrize("strengthen", [True, False])
def test_collision_loss_and_gradient_equal_equation_13(relax, strengthen):
    latent, codes, batch, draws = case()
    mine, theirs = latent.clone().requires_grad_(), latent.clone().requires_grad_()
    ours = regulation(semantic_relaxation=relax, load_strengthening=strengthen).collision(mine, codes, batch).loss
    literal = literal_collision_loss(theirs, codes, draws, relax=relax, strengthen=strengthen)
    torch.testing.assert_close(ours, literal, rtol=1e-5, atol=1e-5)
    ours.backward()
    literal.backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-5)


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


@pytest.mark.parametrize("reduction", ["mean", "per_depth", "per_item", "sum"])
def test_statistics_report_pairs_weight_and_strength_of_every_depth(reduction):
    latent, codes, batch, draws = case()
    stats = regulation(reduction=reduction).collision(latent, codes, batch).stats
    factors = literal_factors(codes, draws, "signature", "batch")
    pairs, weight, factor = Counter(), Counter(), Counter()
    for i, j in ordered_candidates(codes, draws):
        depth, similarity = overlap_depth(codes[i], codes[j]), float(cosine(latent[i], latent[j]))
        repelled = similarity < THRESHOLDS[depth - 1] and 1 - similarity < MARGINS[depth - 1]
        pairs[depth] += 1
        factor[depth] += factors[i, j]
        weight[depth] += factors[i, j] * repelled
    if reduction == "per_depth":
        weight = {depth: value / pairs[depth] for depth, value in weight.items()}
    for depth in (1, 2, 3):
        assert stats[f"pair_share_of_depth_{depth}"] == pytest.approx(pairs[depth] / sum(pairs.values()))
        assert stats[f"load_factor_of_depth_{depth}"] == pytest.approx(factor[depth] / pairs[depth])
        assert stats[f"weight_share_of_depth_{depth}"] == pytest.approx(weight[depth] / sum(weight.values()), abs=1e-6)


def test_statistics_report_the_shares_of_candidates():
    latent, codes, batch, draws = case()
    stats = regulation().collision(latent, codes, batch).stats
    candidates = ordered_candidates(codes, draws)
    similar = [float(cosine(latent[i], latent[j])) for i, j in candidates]
    depths = [overlap_depth(codes[i], codes[j]) for i, j in candidates]
    relaxed = [s >= THRESHOLDS[d - 1] for s, d in zip(similar, depths)]
    repelled = [not r and 1 - s < MARGINS[d - 1] for r, s, d in zip(relaxed, similar, depths)]
    assert 0 < sum(repelled) < len(candidates)
    assert stats["relaxed_share"] == pytest.approx(sum(relaxed) / len(candidates))
    assert stats["repelled_share"] == pytest.approx(sum(repelled) / len(candidates))
    assert stats["similarity"] == pytest.approx(float(sum(similar)) / len(candidates), abs=1e-6)
    assert stats["overlap_rate"] == pytest.approx(len(candidates) / (len(draws) * (len(draws) - 1)))


def test_strengthening_is_bounded_increasing_and_saturates():
    loads = torch.tensor([0.0, 2.0, 10.0, 100.0, 110.0, 10_000.0])
    factors = regulation().strengthening(loads, torch.tensor(0.2 * 24 * 23))
    assert factors[0] == F_MIN
    assert (factors.diff()[:4] > 0).all()
    assert factors[-1] == F_MAX
    assert factors[3] == pytest.approx(F_MIN + (F_MAX - F_MIN) * math.sqrt(100 / 110.4))


def test_a_cosine_at_its_threshold_is_admissible():
    similarity = torch.tensor(THRESHOLDS)
    depth = torch.tensor([1, 2, 3])
    assert regulation().gate(similarity, depth).all()
    assert not regulation().gate(torch.nextafter(similarity, torch.tensor(-1.0)), depth).any()


def test_one_draw_has_no_load_and_the_smallest_factor():
    latent, codes = torch.randn(1, 3), torch.zeros(1, 3, dtype=torch.long)
    stats = regulation().collision(latent, codes, PairBatch.of(torch.tensor([4]), 0)).stats
    assert all(math.isfinite(value) for value in stats.values())
    loads = Loads(torch.zeros(0, dtype=torch.long), torch.zeros(8), torch.arange(8) % 4)
    for reference in ("batch", "largest", "depth"):
        d_max = saturation(loads, 0.2, reference, n_draws=1)
        assert regulation().strengthening(loads.load, d_max).tolist() == [F_MIN] * 8


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
        ({"reduction": "median"}, "unknown collision_reduction 'median'; valid: mean, per_depth, per_item, sum"),
        ({"load_region": "prefix"}, "unknown load_region 'prefix'; valid: signature, codes"),
        ({"load_reference": "epoch"}, "unknown load_reference 'epoch'; valid: batch, largest, depth"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        regulation(**changes)


def test_more_levels_than_a_signature_holds_are_refused():
    with pytest.raises(ValueError, match="at most 8 levels, got 9"):
        find_overlaps(torch.zeros(2, 9, dtype=torch.long), torch.ones(2))


def schedule(**changes: float | str) -> ProgressSchedule:
    return ProgressSchedule(
        **{"start": 0.0, "end": 1.0, "collision_floor": 0.0, "collaborative_ceiling": 0.0, **changes}
    )


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
