from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from recbole_adasid.tokenizer.regulation import similarity
from recbole_adasid.tokenizer.regulation.overlap import find_overlaps
from recbole_adasid.tokenizer.regulation.similarity import pair_similarity


@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_each_pair_has_the_cosine_of_its_two_rows(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_PAIRS_AT_ONCE", at_once)
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
