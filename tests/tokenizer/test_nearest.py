"""Nearest codewords of many vectors need no matrix of all distances."""

from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer import nearest as module
from recbole_adasid.tokenizer.nearest import nearest_codeword


@pytest.mark.parametrize("rows", [0, 1, 256, 1000])
def test_blocks_give_what_the_whole_gives(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, codebook = (torch.randn(size, 6, generator=generator) for size in (rows, 30))
    codebook[7] = codebook[3]  # ties
    expected = nearest_codeword(vectors, codebook)
    distances, sizes = torch.addmm, []

    def addmm(*given: torch.Tensor, **options: float) -> torch.Tensor:
        sizes.append(given[1].shape[0] * given[2].shape[1])
        return distances(*given, **options)

    monkeypatch.setattr(module, "MOST_DISTANCES", 256 * 30)
    monkeypatch.setattr(torch, "addmm", addmm)
    found = nearest_codeword(vectors, codebook)
    assert torch.equal(found, expected) and found.dtype == torch.int64 and found.shape == (rows,)
    assert max(sizes) <= 256 * 30
