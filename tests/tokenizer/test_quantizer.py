"""Residual quantisation against loops over items, levels and codewords."""

from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer.nearest import nearest_codeword
from recbole_adasid.tokenizer.quantizer import QUANTIZERS, ResidualQuantizer, StraightThroughQuantizer


@pytest.fixture
def quantizer() -> ResidualQuantizer:
    torch.manual_seed(0)
    levels = [StraightThroughQuantizer(n_codewords=k, dim=4) for k in (5, 7, 3)]
    return ResidualQuantizer(levels=levels, commitment=0.25)


def literal_codes(vector, codebooks):
    residual, codes = vector.clone(), []
    for codebook in codebooks:
        distances = [float((residual - codeword).square().sum()) for codeword in codebook]
        codes.append(distances.index(min(distances)))
        residual = residual - codebook[codes[-1]]
    return codes, residual


def test_codes_and_reconstruction_follow_the_residuals(quantizer):
    latent = torch.randn(30, 4)
    codebooks = [level.codebook().detach() for level in quantizer.levels]
    output = quantizer(latent)
    for row, vector in enumerate(latent):
        codes, rest = literal_codes(vector, codebooks)
        assert output.codes[row].tolist() == codes
        torch.testing.assert_close(output.quantized[row], vector - rest)
    assert torch.equal(quantizer.encode(latent), output.codes)
    torch.testing.assert_close(quantizer.decode(output.codes), output.quantized)


def test_quantisation_loss_is_codebook_plus_commitment_term(quantizer):
    latent = torch.randn(6, 4)
    codebooks = [level.codebook().detach() for level in quantizer.levels]
    expected = 0.0
    for vector in latent:
        residual = vector
        for codebook, code in zip(codebooks, literal_codes(vector, codebooks)[0]):
            expected += 1.25 * float((residual - codebook[code]).square().mean()) / len(latent)
            residual = residual - codebook[code]
    torch.testing.assert_close(quantizer(latent).loss.item(), expected, rtol=1e-5, atol=1e-6)


def test_straight_through_copies_the_gradient_to_the_latent(quantizer):
    latent = torch.randn(6, 4, requires_grad=True)
    direction = torch.randn(6, 4)
    (quantizer(latent).quantized * direction).sum().backward()
    torch.testing.assert_close(latent.grad, direction)
    assert all(level.codewords.grad is None for level in quantizer.levels)


def test_codebook_and_commitment_gradients_stay_on_their_side(quantizer):
    latent = torch.randn(6, 4, requires_grad=True)
    output = quantizer(latent)
    output.loss.backward()
    first = quantizer.levels[0].codebook().detach()
    chosen = first[output.codes[:, 0]]
    pulled = torch.zeros_like(first).index_add_(0, output.codes[:, 0], 2 * (chosen - latent.detach()) / latent.numel())
    torch.testing.assert_close(quantizer.levels[0].codewords.grad, pulled)
    residual, expected = latent.detach(), torch.zeros_like(latent)
    for level, codes in zip(quantizer.levels, output.codes.t()):
        residual = residual - level.codebook().detach()[codes]
        expected += 0.25 * 2 * residual / latent.numel()
    torch.testing.assert_close(latent.grad, expected)


def test_initialisation_puts_codewords_on_clusters():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    points = centres.repeat_interleave(25, dim=0) + 0.1 * torch.randn(
        100, 2, generator=torch.Generator().manual_seed(1)
    )
    quantizer = ResidualQuantizer(levels=[StraightThroughQuantizer(n_codewords=4, dim=2)], commitment=0.25)
    quantizer.initialise(points, iterations=20, generator=torch.Generator().manual_seed(2))
    nearest = torch.cdist(centres, quantizer.levels[0].codebook()).min(dim=1)
    assert nearest.values.max() < 0.2
    assert nearest.indices.unique().numel() == 4


def test_nearest_codeword_prefers_the_smaller_index_on_ties():
    codebook = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    assert nearest_codeword(torch.tensor([[0.0, 5.0], [2.0, 0.0]]), codebook).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["straight_through", "rotation"])
def test_set_codewords_moves_only_the_named_rows(name):
    quantizer = QUANTIZERS[name](n_codewords=5, dim=3)
    before = quantizer.codebook().detach().clone()
    quantizer.set_codewords(torch.tensor([1, 4]), torch.ones(2, 3))
    after = quantizer.codebook().detach()
    torch.testing.assert_close(after[[1, 4]], torch.ones(2, 3))
    assert torch.equal(after[[0, 2, 3]], before[[0, 2, 3]])


def test_codewords_are_drawn_about_as_long_as_1():
    torch.manual_seed(0)
    level = StraightThroughQuantizer(n_codewords=2000, dim=16)
    assert level.codebook().square().sum(1).mean().item() == pytest.approx(1, rel=0.05)
