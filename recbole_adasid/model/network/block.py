"""Encoder and decoder layers: each sublayer reads a normalised copy and adds to the residual stream."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recbole_adasid.compute.layers import Dropout, RMSNorm, relu_and_drop
from recbole_adasid.model.network.attention import CrossAttention, KeyValue, KeyValueCache, SelfAttention, linear


class Widths(NamedTuple):
    """Sizes that all layers of a network share."""

    d_model: int
    """Of the residual stream."""
    d_head: int
    n_heads: int
    d_ff: int
    """Of the feed-forward's hidden layer."""

    @property
    def of_heads(self) -> dict[str, int]:
        """The arguments of an attention."""
        return {"d_model": self.d_model, "d_head": self.d_head, "n_heads": self.n_heads}


class FeedForward(nn.Module):
    """Linear, ReLU, linear, position by position: W_out · dropout(relu(W_in · x)), without biases."""

    def __init__(self, *, d_model: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.inner = linear(d_model, d_ff, d_model**-0.5)
        self.out = linear(d_ff, d_model, d_ff**-0.5)
        self.dropout = Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [..., D] → [..., D]."""
        kept = relu_and_drop(self.inner(x), self.dropout)
        # Fold dropout's scale into the small weight instead of the large activation.
        weight = self.out.weight * self.dropout.scale if self.dropout.active else self.out.weight
        return nn.functional.linear(kept, weight)


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward."""

    def __init__(self, widths: Widths, *, dropout: float) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model=widths.d_model)
        self.attention = SelfAttention(**widths.of_heads, dropout=dropout)
        self.feed_forward_norm = RMSNorm(d_model=widths.d_model)
        self.feed_forward = FeedForward(d_model=widths.d_model, d_ff=widths.d_ff, dropout=dropout)
        self.dropout = Dropout(p=dropout)

    def forward(self, x: Tensor, bias: Tensor | None, mask: Tensor | None) -> Tensor:
        """Map ``x`` [B, T, D] → [B, T, D] under position ``bias`` [1, H, T, T] and a ``mask``."""
        x = self.dropout.add(x, self.attention(self.attention_norm(x), bias, mask))
        return self.dropout.add(x, self.feed_forward(self.feed_forward_norm(x)))


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention to the encoder's output, then feed-forward."""

    def __init__(self, widths: Widths, *, dropout: float) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model=widths.d_model)
        self.attention = SelfAttention(**widths.of_heads, dropout=dropout)
        self.cross_attention_norm = RMSNorm(d_model=widths.d_model)
        self.cross_attention = CrossAttention(**widths.of_heads, dropout=dropout)
        self.feed_forward_norm = RMSNorm(d_model=widths.d_model)
        self.feed_forward = FeedForward(d_model=widths.d_model, d_ff=widths.d_ff, dropout=dropout)
        self.dropout = Dropout(p=dropout)

    def project(self, memory: Tensor) -> KeyValue:
        """Return the cross-attention's keys and values of the encoder's output [B, M, D]."""
        return self.cross_attention.project(memory)

    def forward(
        self,
        x: Tensor,
        *,
        bias: Tensor | None,
        mask: Tensor | None,
        memory: KeyValue,
        memory_mask: Tensor | None,
        groups: int,
        cache: KeyValueCache | None,
    ) -> Tensor:
        """Map ``x`` [B, Q, D] → [B, Q, D]; arguments as in the two attentions.

        Self-attention stays within each of ``groups`` equal parts of Q.
        """
        apart = self.attention_norm(x).unflatten(1, (groups, -1)).flatten(0, 1)
        x = self.dropout.add(x, self.attention(apart, bias, mask, cache).view_as(x))
        x = self.dropout.add(x, self.cross_attention(self.cross_attention_norm(x), memory, memory_mask))
        return self.dropout.add(x, self.feed_forward(self.feed_forward_norm(x)))
