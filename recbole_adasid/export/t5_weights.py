"""TIGER's network as the weights of a T5 that computes the same, softmax included.

Two things that T5 has no option for are built into its weights:

- TIGER's softmax is over the tokens of one level, T5's over the whole vocabulary. The residual stream gets one more
  column per level; a token's embedding writes into that of the next level, and the head gives tokens a large negative
  weight on the columns of all levels but their own. What is written is too small to change a norm in float32, and all
  other weights on these columns are 0.
- A causal encoder: T5 has separate relative-position biases for keys after the query; these are set to mask.

Letters: D columns of the network, W columns of T5's stream, S levels, V tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from recbole_adasid.export.tree_arrays import first_tokens
from recbole_adasid.model.network.attention import CrossAttention, SelfAttention
from recbole_adasid.model.network.position import MASKED
from recbole_adasid.model.network.tiger_network import TIGERNetwork

_WRITTEN = 2.0**-10  # by a token into its column
_FINAL = 2.0**15  # the decoder's last norm scales the columns up again
_READ = -(2.0**15)  # weight of a level's tokens on the other levels' columns; float16 holds it
_MULTIPLE = 8  # hardware-friendly widths


def t5_config(network: TIGERNetwork, dropout: float) -> dict[str, Any]:
    """Return the arguments of `T5Config` for a network."""
    d_model, width = network.vocabulary.embedding.embedding_dim, stream_width(network)
    layer: Any = network.decoder.layers[0]
    return {
        "vocab_size": network.vocabulary.first_user,
        "d_model": width,
        "d_kv": layer.attention.out.in_features // layer.attention.n_heads,
        "num_heads": layer.attention.n_heads,
        "d_ff": layer.feed_forward.inner.out_features,
        "num_layers": len(network.encoder.layers),
        "num_decoder_layers": len(network.decoder.layers),
        "relative_attention_num_buckets": network.decoder.position_bias.n_buckets,
        "relative_attention_max_distance": network.decoder.position_bias.max_distance,
        "feed_forward_proj": "relu",
        "layer_norm_epsilon": network.decoder.norm.eps * d_model / width,
        "dropout_rate": dropout,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
        "eos_token_id": None,
    }


def stream_width(network: TIGERNetwork) -> int:
    """Return W: D plus a column per level, rounded up."""
    wanted = network.vocabulary.embedding.embedding_dim + len(network.vocabulary.level_sizes)
    return -(-wanted // _MULTIPLE) * _MULTIPLE


@torch.no_grad()
def t5_weights(network: TIGERNetwork) -> dict[str, Tensor]:
    """Return the state dict of `T5ForConditionalGeneration`; the network has to be one that T5 can express."""
    shared, head = _vocabulary(network)
    weights = {"shared.weight": shared, "lm_head.weight": head}
    for name, stack in (("encoder", network.encoder), ("decoder", network.decoder)):
        weights[f"{name}.embed_tokens.weight"] = shared
        last = _FINAL if name == "decoder" else 0.0
        weights[f"{name}.final_layer_norm.weight"] = _norm(network, stack.norm, last)
        if len(stack.layers):
            bias = stack.position_bias.weight.clone()
            if name == "encoder" and network.causal:
                bias[len(bias) // 2 :] = MASKED  # of keys after the query
            weights[f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = bias
        for number, layer in enumerate(stack.layers):
            weights.update({f"{name}.block.{number}.layer.{part}": value for part, value in _layer(network, layer)})
    return {name: value.contiguous() for name, value in weights.items()}


def item_embeddings(network: TIGERNetwork, vectors: Tensor) -> Tensor:
    """Widen item vectors [N + 1, D] to T5's inputs, [N + 1, W]."""
    return _widened(network, vectors, 1)


def _vocabulary(network: TIGERNetwork) -> tuple[Tensor, Tensor]:
    """Return the input embedding and the output head, [V, W] each."""
    sizes, d_model = network.vocabulary.level_sizes, network.vocabulary.embedding.embedding_dim
    rows = network.vocabulary.embedding.weight[: network.vocabulary.first_user]
    shared, head = _widened(network, rows * d_model**0.5, 1), _widened(network, rows, 1)
    columns = slice(d_model, d_model + len(sizes))
    shared[0, d_model] = _WRITTEN  # level 0 follows the start token
    head[0, columns] = _READ  # which is never generated
    for level, (first, size) in enumerate(zip(first_tokens(sizes), sizes)):
        tokens = slice(first, first + size)
        if level + 1 < len(sizes):
            shared[tokens, d_model + level + 1] = _WRITTEN
        head[tokens, columns] = _READ
        head[tokens, d_model + level] = 0.0
    return shared, head


def _layer(network: TIGERNetwork, layer: Any) -> Iterator[tuple[str, Tensor]]:
    yield from _attention(network, "0.SelfAttention", layer.attention)
    yield "0.layer_norm.weight", _norm(network, layer.attention_norm)
    cross = getattr(layer, "cross_attention", None)
    if cross is not None:
        yield from _attention(network, "1.EncDecAttention", cross)
        yield "1.layer_norm.weight", _norm(network, layer.cross_attention_norm)
    last = 1 if cross is None else 2
    yield f"{last}.DenseReluDense.wi.weight", _widened(network, layer.feed_forward.inner.weight, 1)
    yield f"{last}.DenseReluDense.wo.weight", _widened(network, layer.feed_forward.out.weight, 0)
    yield f"{last}.layer_norm.weight", _norm(network, layer.feed_forward_norm)


def _attention(
    network: TIGERNetwork, name: str, attention: SelfAttention | CrossAttention
) -> Iterator[tuple[str, Tensor]]:
    if isinstance(attention, SelfAttention):
        maps = attention.qkv.weight.chunk(3)
    else:
        maps = (attention.query.weight, *attention.key_value.weight.chunk(2))
    for letter, weight in zip("qkv", maps):
        yield f"{name}.{letter}.weight", _widened(network, weight, 1)
    yield f"{name}.o.weight", _widened(network, attention.out.weight, 0)


def _norm(network: TIGERNetwork, norm: Any, columns: float = 0.0) -> Tensor:
    """Return a norm's weight [W]; its mean square is over W columns instead of D, and so is its ε."""
    width, d_model = stream_width(network), len(norm.weight)
    return nn.functional.pad(norm.weight * (d_model / width) ** 0.5, (0, width - d_model), value=columns)


def _widened(network: TIGERNetwork, weight: Tensor, dim: int) -> Tensor:
    """Pad a dimension of size D of a matrix with zeros to W."""
    gap = stream_width(network) - weight.shape[dim]
    return nn.functional.pad(weight, (0, gap) if dim == 1 else (0, 0, 0, gap))
