"""Multi-head attention in the T5 manner: no biases in the projections, scores not scaled by the head's width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.attend import attend
from recbole_adasid.model.dropout import Dropout

KeyValue = tuple[Tensor, Tensor]


def linear(d_in: int, d_out: int, std: float) -> nn.Linear:
    """Return a linear layer without bias, drawn from N(0, std²)."""
    layer = nn.Linear(d_in, d_out, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer


def split_heads(x: Tensor, n_parts: int, n_heads: int) -> tuple[Tensor, ...]:
    """Cut ``x`` [B, T, n_parts · H · d] into ``n_parts`` views [B, H, T, d]."""
    return x.unflatten(-1, (n_parts, n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself and, when decoding step by step, to the keys and values of earlier steps."""

    def __init__(self, *, d_model: int, d_head: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        inner = n_heads * d_head
        self.n_heads = n_heads
        self.qkv = linear(d_model, 3 * inner, d_model**-0.5)
        self.out = linear(inner, d_model, inner**-0.5)
        self.dropout = Dropout(p=dropout)
        with torch.no_grad():  # T5 puts the missing 1/√d of the scores into the initial queries
            self.qkv.weight[:inner] *= d_head**-0.5

    def forward(
        self, x: Tensor, bias: Tensor, mask: Tensor | None, past: KeyValue | None = None
    ) -> tuple[Tensor, KeyValue]:
        """Attend from ``x`` [B, Q, D] to ``past`` (keys and values [B, H, P, d]) and ``x``.

        Args:
            bias: of relative positions, [1, H, Q, P + Q].
            mask: broadcastable to [B, H, Q, P + Q].

        Returns:
            The mixed values [B, Q, D], and the keys and values [B, H, P + Q, d] for the next step.
        """
        query, key, value = split_heads(self.qkv(x), 3, self.n_heads)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        mixed = attend(query, key, value, bias=bias, mask=mask, dropout=self.dropout)
        return self.out(mixed), (key, value)


class CrossAttention(nn.Module):
    """Attention of the decoder to the encoder's output."""

    def __init__(self, *, d_model: int, d_head: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        inner = n_heads * d_head
        self.n_heads = n_heads
        self.query = linear(d_model, inner, (d_model * d_head) ** -0.5)
        self.key_value = linear(d_model, 2 * inner, d_model**-0.5)
        self.out = linear(inner, d_model, inner**-0.5)
        self.dropout = Dropout(p=dropout)

    def project(self, memory: Tensor) -> KeyValue:
        """Return the keys and values [B, H, M, d] of ``memory`` [B, M, D]: once per user, whatever is decoded."""
        key, value = split_heads(self.key_value(memory), 2, self.n_heads)
        return key, value

    def forward(self, x: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
        """Attend from ``x`` [B, Q, D] to projected ``memory`` under ``mask``, broadcastable to [B, H, Q, M]."""
        (query,) = split_heads(self.query(x), 1, self.n_heads)
        return self.out(attend(query, *memory, bias=None, mask=mask, dropout=self.dropout))
