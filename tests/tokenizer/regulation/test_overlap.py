"""Overlaps of a batch against loops over pairs of draws."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch.nn import functional as F

from literal_regulation import case, ordered_candidates, overlap_depth, signature
from recbole_adasid.tokenizer.regulation import overlap
from recbole_adasid.tokenizer.regulation.overlap import find_overlaps, pair_similarity


@pytest.mark.parametrize("agreement", ["positions", "prefix"])
@pytest.mark.parametrize("n_levels", [1, 2, 3, 4, 7, 8])
def test_overlaps_equal_the_loops(n_levels: int, agreement: str) -> None:
    _, codes, batch, draws = case(n_draws=40, n_items=25, n_levels=n_levels)
    codes = torch.tensor([0, 255, 32_768, 65_535])[codes]
    found = find_overlaps(codes, batch.counts, agreement)
    listed = list(zip(found.first.tolist(), found.second.tolist()))
    expected = Counter((i, j) for i, j in ordered_candidates(codes, draws, agreement) if i < j)
    assert dict(zip(listed, found.times.tolist())) == expected and len(listed) == len(expected)
    assert max(expected.values()) > 1
    assert found.depth.tolist() == [overlap_depth(codes[i], codes[j], agreement) for i, j in listed]
    agreed = [signature(codes[i], codes[j], agreement) for i, j in listed]
    assert found.signature.tolist() == [sum(bit << level for level, bit in enumerate(bits)) for bits in agreed]


def test_more_levels_than_a_signature_holds_are_refused():
    with pytest.raises(ValueError, match="at most 8 levels, got 9"):
        find_overlaps(torch.zeros(2, 9, dtype=torch.long), torch.ones(2))


@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_each_pair_has_the_cosine_of_its_two_rows(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_PAIRS_AT_ONCE", at_once)
    torch.manual_seed(0)
    direction, codes = F.normalize(torch.randn(20, 5), dim=1), torch.randint(3, (20, 2))
    pairs = find_overlaps(codes, torch.ones(20))
    expected = [
        sum(float(direction[i, column]) * float(direction[j, column]) for column in range(5))
        for i, j in zip(pairs.first.tolist(), pairs.second.tolist())
    ]
    assert len(expected) > 7
    assert pair_similarity(direction, pairs).tolist() == pytest.approx(expected, abs=1e-6)


def test_no_pairs_have_no_cosines() -> None:
    pairs = find_overlaps(torch.arange(4)[:, None], torch.ones(4))
    assert pair_similarity(torch.eye(4), pairs).shape == (0,)
