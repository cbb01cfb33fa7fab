"""What AdaSID's regulation reports of a batch, against loops over pairs."""

from __future__ import annotations

from collections import Counter

import pytest

from literal_regulation import (
    MARGINS,
    THRESHOLDS,
    case,
    cosine,
    literal_factors,
    ordered_candidates,
    overlap_depth,
    regulation,
)


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
