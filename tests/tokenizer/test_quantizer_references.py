"""Quantizers of every kind against vector-quantize-pytorch with the same codebooks."""

from __future__ import annotations

import pytest
import torch

from recbole_adasid.tokenizer.quantizer import (
    CosineQuantizer,
    GroupedQuantizer,
    ResidualQuantizer,
    RotationQuantizer,
    SimVQQuantizer,
    StraightThroughQuantizer,
)
from recbole_adasid.tokenizer.quantizer.rotation import rotated
from small_quantizers import DIM, build


def test_residual_codes_equal_the_reference(latent):
    reference = pytest.importorskip("vector_quantize_pytorch")
    quantizer = build("straight_through")
    peer = reference.ResidualVQ(dim=DIM, num_quantizers=3, codebook_size=5, shared_codebook=False).eval()
    quantizer.levels = torch.nn.ModuleList(StraightThroughQuantizer(n_codewords=5, dim=DIM) for _ in range(3))
    for level, layer in zip(quantizer.levels, peer.layers):
        layer._codebook.embed.copy_(level.codewords.detach()[None])
    quantized, codes, _ = peer(latent[:, None])
    assert torch.equal(quantizer.encode(latent), codes[:, 0])
    torch.testing.assert_close(quantizer.decode(codes[:, 0]), quantized[:, 0])


def test_the_rotation_s_gradient_equals_the_reference(latent):
    reference = pytest.importorskip("vector_quantize_pytorch.vector_quantize_pytorch")
    target = torch.randn(40, DIM, generator=torch.Generator().manual_seed(3))
    gradients = []
    for rotate in (rotated, reference.rotate_to):
        start = latent.clone().requires_grad_()
        (rotate(start, target) ** 3).sum().backward()
        gradients.append(start.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


def test_a_residual_rotation_s_gradient_equals_the_reference(latent):
    reference = pytest.importorskip("vector_quantize_pytorch")
    quantizer = build("rotation")
    quantizer.levels = torch.nn.ModuleList(RotationQuantizer(n_codewords=5, dim=DIM, level=i) for i in range(3))
    peer = reference.ResidualVQ(dim=DIM, num_quantizers=3, codebook_size=5, shared_codebook=False, rotation_trick=True)
    for level, layer in zip(quantizer.levels, peer.layers):
        layer._codebook.embed.copy_(level.codewords.detach()[None])
    ours, theirs = latent.clone().requires_grad_(), latent.clone().requires_grad_()
    (quantizer(ours).quantized ** 3).sum().backward()
    (peer(theirs[:, None], freeze_codebook=True)[0] ** 3).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_simvq_codes_and_loss_equal_the_reference(latent):
    reference = pytest.importorskip("vector_quantize_pytorch")
    peer = reference.SimVQ(dim=DIM, codebook_size=8, rotation_trick=False)
    level = SimVQQuantizer(n_codewords=8, dim=DIM)
    level.base.copy_(peer.frozen_codebook)
    level.transform.data.copy_(peer.code_transform.weight.t())
    quantized, codes, loss = peer(latent[None])
    chosen = level.nearest(latent)
    assert torch.equal(chosen, codes[0])
    torch.testing.assert_close(level.codebook()[chosen], quantized[0])
    torch.testing.assert_close(level.loss(latent, chosen, 0.25).mean(), loss)


def test_cosine_codes_equal_the_reference(latent):
    reference = pytest.importorskip("vector_quantize_pytorch")
    peer = reference.VectorQuantize(dim=DIM, codebook_size=8, use_cosine_sim=True).eval()
    level = CosineQuantizer(n_codewords=8, dim=DIM, lookup_dim=DIM)
    level.table.data.copy_(peer._codebook.embed[0])
    assert torch.equal(level.nearest(latent), peer(latent[None])[1][0])


def test_each_group_s_codes_equal_the_reference_on_its_columns(latent):
    reference = pytest.importorskip("vector_quantize_pytorch")
    levels = [GroupedQuantizer(n_codewords=5, dim=DIM, level=i) for i in range(4)]
    codes = ResidualQuantizer(levels=levels, commitment=0.25).encode(latent)
    for group, columns in enumerate((slice(0, 3), slice(3, 6))):
        peer = reference.ResidualVQ(dim=3, num_quantizers=2, codebook_size=5, shared_codebook=False).eval()
        for level, layer in zip(levels[group::2], peer.layers):
            layer._codebook.embed.copy_(level.codewords.detach()[None])
        assert torch.equal(codes[:, group::2], peer(latent[:, None, columns])[1][:, 0])
