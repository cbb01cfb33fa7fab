"""With the same weights, our blocks and stacks compute what Hugging Face's T5 computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recbole_adasid.compute.layers import RMSNorm
from recbole_adasid.model.network.position import RelativePositionBias, mask_bias, relative_bucket
from recbole_adasid.model.network.stack import Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork

TOLERANCE = 1e-4
LEVEL_SIZES = [7, 5]


@pytest.fixture(scope="module", autouse=True)
def t5() -> Any:
    """Hugging Face's T5, whose import takes seconds."""
    return pytest.importorskip("transformers.models.t5.modeling_t5")


@pytest.fixture
def hugging_face(t5: Any) -> nn.Module:
    torch.manual_seed(0)
    config = t5.T5Config(
        vocab_size=1 + sum(LEVEL_SIZES),
        d_model=16,
        d_kv=6,
        num_heads=3,
        d_ff=24,
        num_layers=2,
        num_decoder_layers=3,
        dropout_rate=0.0,
        feed_forward_proj="relu",
    )
    model = t5.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture
def ours(hugging_face: nn.Module) -> TIGERNetwork:
    network = TIGERNetwork(
        level_sizes=LEVEL_SIZES,
        d_model=16,
        d_head=6,
        n_heads=3,
        d_ff=24,
        n_encoder_layers=2,
        n_decoder_layers=3,
        dropout=0.0,
    ).eval()
    with torch.no_grad():
        copy_weights(hugging_face, network)
    return network


def copy_weights(theirs: nn.Module, ours: TIGERNetwork) -> None:
    ours.vocabulary.embedding.weight.copy_(theirs.shared.weight / theirs.config.d_model**0.5)  # see Vocabulary
    for our_stack, their_stack in ((ours.encoder, theirs.encoder), (ours.decoder, theirs.decoder)):
        attention = their_stack.block[0].layer[0].SelfAttention
        our_stack.position_bias.weight.copy_(attention.relative_attention_bias.weight)
        our_stack.norm.weight.copy_(their_stack.final_layer_norm.weight)
        for our_layer, their_block in zip(our_stack.layers, their_stack.block):
            copy_layer(our_layer, their_block.layer)


def copy_layer(ours: nn.Module, theirs: nn.ModuleList) -> None:
    attention, feed_forward = theirs[0].SelfAttention, theirs[-1].DenseReluDense
    ours.attention_norm.weight.copy_(theirs[0].layer_norm.weight)
    ours.attention.qkv.weight.copy_(torch.cat([attention.q.weight, attention.k.weight, attention.v.weight]))
    ours.attention.out.weight.copy_(attention.o.weight)
    ours.feed_forward_norm.weight.copy_(theirs[-1].layer_norm.weight)
    ours.feed_forward.inner.weight.copy_(feed_forward.wi.weight)
    ours.feed_forward.out.weight.copy_(feed_forward.wo.weight)
    if len(theirs) == 3:
        cross = theirs[1].EncDecAttention
        ours.cross_attention_norm.weight.copy_(theirs[1].layer_norm.weight)
        ours.cross_attention.query.weight.copy_(cross.q.weight)
        ours.cross_attention.key_value.weight.copy_(torch.cat([cross.k.weight, cross.v.weight]))
        ours.cross_attention.out.weight.copy_(cross.o.weight)


def tokens_and_mask() -> tuple[Tensor, Tensor]:
    """Table rows [3, 50] (long enough for the logarithmic buckets) and which of them are no padding."""
    torch.manual_seed(1)
    valid = torch.arange(50) < torch.tensor([50, 7, 31])[:, None]
    return torch.randint(1, 13, (3, 50)) * valid, valid


@pytest.mark.parametrize("bidirectional", [True, False])
def test_relative_position_buckets_are_those_of_t5(t5: Any, bidirectional: bool) -> None:
    distance = torch.arange(-400, 401)
    theirs = t5.T5Attention._relative_position_bucket(distance, bidirectional=bidirectional)
    ours = relative_bucket(distance, n_buckets=32, max_distance=128, bidirectional=bidirectional)
    assert torch.equal(ours, theirs)


def test_normalisation_is_that_of_t5_in_value_and_gradient(t5: Any) -> None:
    torch.manual_seed(0)
    theirs, ours = t5.T5LayerNorm(8), RMSNorm(d_model=8)
    weight, x, weights = torch.rand(8), torch.randn(2, 3, 8), torch.randn(2, 3, 8)
    results = []
    for norm in (ours, theirs):
        norm.weight.data.copy_(weight)
        leaf = x.clone().requires_grad_()
        y = norm(leaf)
        (y * weights).sum().backward()
        results.append((y, leaf.grad, norm.weight.grad))
    for mine, reference in zip(*results):
        torch.testing.assert_close(mine, reference, atol=1e-6, rtol=1e-5)


def test_encoder_layer_equals_t5(hugging_face: nn.Module, ours: TIGERNetwork) -> None:
    torch.manual_seed(2)
    x, bias = torch.randn(3, 9, 16), torch.randn(1, 3, 9, 9)
    theirs = hugging_face.encoder.block[1](x, position_bias=bias)[0]
    torch.testing.assert_close(ours.encoder.layers[1](x, bias, None), theirs, atol=TOLERANCE, rtol=0)


def test_whole_encoder_equals_t5_under_padding(hugging_face: nn.Module, ours: TIGERNetwork) -> None:
    tokens, valid = tokens_and_mask()
    theirs = hugging_face.encoder(input_ids=tokens, attention_mask=valid.long()).last_hidden_state
    mine = ours.encoder(ours.vocabulary(tokens), mask_bias(valid)[:, None, None])
    torch.testing.assert_close(mine[valid], theirs[valid], atol=TOLERANCE, rtol=0)


def test_whole_model_equals_t5_in_logits_and_gradients(hugging_face: nn.Module, ours: TIGERNetwork) -> None:
    tokens, valid = tokens_and_mask()
    decoder_tokens = torch.tensor([[0, 3, 9, 2], [0, 1, 8, 7], [0, 5, 12, 6]])
    theirs = hugging_face(input_ids=tokens, attention_mask=valid.long(), decoder_input_ids=decoder_tokens).logits
    mask = mask_bias(valid)[:, None, None]
    memory = ours.decoder.project(ours.encoder(ours.vocabulary(tokens), mask), mask)
    hidden = ours.decode(decoder_tokens, Tree.sequence(4, tokens.device), memory)
    mine = torch.cat([ours.vocabulary.logits(hidden, level) for level in range(2)], dim=-1)
    torch.testing.assert_close(mine, theirs[..., 1:], atol=TOLERANCE, rtol=0)

    weights = torch.randn_like(mine)
    (mine * weights).sum().backward()
    (theirs[..., 1:] * weights).sum().backward()
    table_gradient = ours.vocabulary.embedding.weight.grad
    assert table_gradient is not None
    expected = hugging_face.shared.weight.grad * hugging_face.config.d_model**0.5
    torch.testing.assert_close(table_gradient, expected, atol=1e-3, rtol=1e-3)
    pairs = [
        (ours.encoder.layers[0].feed_forward.inner, hugging_face.encoder.block[0].layer[1].DenseReluDense.wi),
        (ours.decoder.position_bias, hugging_face.decoder.block[0].layer[0].SelfAttention.relative_attention_bias),
    ]
    for my_module, their_module in pairs:
        assert their_module.weight.grad.abs().max() > 0
        torch.testing.assert_close(my_module.weight.grad, their_module.weight.grad, atol=1e-3, rtol=1e-3)


def test_a_new_network_is_drawn_with_t5s_scales() -> None:
    network = TIGERNetwork(
        level_sizes=[256, 256],
        d_model=64,
        d_head=16,
        n_heads=8,
        d_ff=256,
        n_encoder_layers=1,
        n_decoder_layers=1,
        dropout=0.0,
    )
    layer = network.decoder.layers[0]
    expected = [
        (network.vocabulary.embedding.weight, 64**-0.5),
        (layer.attention.qkv.weight[:128], (64 * 16) ** -0.5),
        (layer.attention.qkv.weight[128:], 64**-0.5),
        (layer.cross_attention.query.weight, (64 * 16) ** -0.5),
        (layer.cross_attention.key_value.weight, 64**-0.5),
        (layer.cross_attention.out.weight, 128**-0.5),
        (RelativePositionBias(n_heads=64, d_model=64, bidirectional=True).weight, 64**-0.5),
        (layer.attention.out.weight, 128**-0.5),
        (layer.feed_forward.inner.weight, 64**-0.5),
        (layer.feed_forward.out.weight, 256**-0.5),
    ]
    for weight, std in expected:
        assert weight.std().item() == pytest.approx(std, rel=0.05)
    assert network.encoder.position_bias.bidirectional is True
    assert network.decoder.position_bias.bidirectional is False
