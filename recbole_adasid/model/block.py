"""One layer of the encoder and one of the decoder: each sublayer reads a normalised copy and adds to the stream."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_adasid.model.attention import CrossAttention, KeyValue, SelfAttention
from recbole_adasid.model.dropout import Dropout
from recbole_adasid.model.feed_forward import FeedForward
from recbole_adasid.model.norm import RMSNorm


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward."""

    def __init__(self, *, d_model: int, attention: SelfAttention, feed_forward: FeedForward, dropout: float) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model=d_model)
        self.attention = attention
        self.feed_forward_norm = RMSNorm(d_model=d_model)
        self.feed_forward = feed_forward
        self.dropout = Dropout(p=dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Map ``x`` [B, T, D] → [B, T, D] under the attention ``bias`` [B, H, T, T]."""
        mixed, _ = self.attention(self.attention_norm(x), bias)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention to the encoder's output, then feed-forward."""

    def __init__(
        self,
        *,
        d_model: int,
        attention: SelfAttention,
        cross_attention: CrossAttention,
        feed_forward: FeedForward,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model=d_model)
        self.attention = attention
        self.cross_attention_norm = RMSNorm(d_model=d_model)
        self.cross_attention = cross_attention
        self.feed_forward_norm = RMSNorm(d_model=d_model)
        self.feed_forward = feed_forward
        self.dropout = Dropout(p=dropout)

    def project(self, memory: Tensor) -> KeyValue:
        """Return the cross-attention's keys and values of the encoder's output [B, M, D]."""
        return self.cross_attention.project(memory)

    def forward(
        self, x: Tensor, bias: Tensor, memory: KeyValue, memory_bias: Tensor, past: KeyValue | None
    ) -> tuple[Tensor, KeyValue]:
        """Map ``x`` [B, Q, D] → [B, Q, D]; arguments and second result as in the two attentions."""
        mixed, present = self.attention(self.attention_norm(x), bias, past)
        x = x + self.dropout(mixed)
        x = x + self.dropout(self.cross_attention(self.cross_attention_norm(x), memory, memory_bias))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x))), present
