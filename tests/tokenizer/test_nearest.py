"""Nearest codewords of many vectors need no matrix of all distances."""

from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer import nearest as module
from recbole_adasid.tokenizer.nearest import nearest_codeword, offset


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


@pytest.mark.parametrize("shift", [0.0, 50.0, 1e4])
def test_the_nearest_are_found_wherever_the_codewords_lie(shift: float) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, codebook = (shift + torch.randn(size, 6, generator=generator) for size in (500, 30))
    distances = torch.cdist(vectors.double(), codebook.double())
    chosen = distances.gather(1, nearest_codeword(vectors, codebook)[:, None])
    assert (chosen.squeeze(1) - distances.amin(dim=1)).max() < 0.01


def test_only_points_far_from_0_have_an_offset() -> None:
    """With one, results differ in the last bits."""
    points = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    assert not offset(points + 50).any() and not offset(torch.zeros(3, 6)).any()
    torch.testing.assert_close(offset(points + 1e4), (points + 1e4).mean(dim=0))
