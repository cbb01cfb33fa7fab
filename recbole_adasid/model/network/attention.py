"""T5-style multi-head attention: projections without biases, scores not scaled by the head width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.compute.layers import Dropout, attend, split_heads

KeyValue = tuple[Tensor, Tensor]


class KeyValueCache:
    """Keys and values [B, H, ·, d] of the decoded tokens. Preallocated on first append.

    Args:
        capacity: maximum number of tokens.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._room: KeyValue | None = None

    def append(self, key: Tensor, value: Tensor) -> KeyValue:
        """Append those of the newest tokens [B, H, Q, d]; return all, [B, H, P + Q, d] each."""
        if self._room is None:
            shape = (*key.shape[:2], self.capacity, key.shape[3])
            self._room = key.new_empty(shape), value.new_empty(shape)
        start, self.length = self.length, self.length + key.shape[2]
        for room, new in zip(self._room, (key, value)):
            room[:, :, start : self.length] = new
        return self._room[0][:, :, : self.length], self._room[1][:, :, : self.length]


def linear(d_in: int, d_out: int, std: float) -> nn.Linear:
    """Return a linear layer without bias, drawn from N(0, std²)."""
    layer = nn.Linear(d_in, d_out, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer


class SelfAttention(nn.Module):
    """Attention of a sequence to itself and, when decoding step by step, to the keys and values of earlier steps."""

    def __init__(self, *, d_model: int, d_head: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        inner = n_heads * d_head
        self.n_heads = n_heads
        self.qkv = linear(d_model, 3 * inner, d_model**-0.5)
        self.out = linear(inner, d_model, inner**-0.5)
        self.dropout = Dropout(p=dropout)
        with torch.no_grad():  # T5 folds the missing 1/√d of the scores into the initial queries
            self.qkv.weight[:inner] *= d_head**-0.5

    def forward(
        self, x: Tensor, bias: Tensor | None, mask: Tensor | None, cache: KeyValueCache | None = None
    ) -> Tensor:
        """Attend from ``x`` [B, Q, D] to the P tokens in the ``cache`` and to ``x``, which is appended.

        Args:
            bias: of relative positions, [1, H, Q, P + Q].
            mask: broadcastable to [B, H, Q, P + Q].

        Returns:
            The mixed values [B, Q, D].
        """
        query, key, value = split_heads(self.qkv(x), 3, self.n_heads)
        if cache is not None:
            key, value = cache.append(key, value)
        return self.out(attend(query, key, value, bias=bias, mask=mask, dropout=self.dropout))


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
        """Return the keys and values [B, H, M, d] of ``memory`` [B, M, D], once per user."""
        key, value = split_heads(self.key_value(memory), 2, self.n_heads)
        return key, value

    def forward(self, x: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
        """Attend from ``x`` [B, Q, D] to projected ``memory`` under ``mask``, broadcastable to [B, H, Q, M]."""
        (query,) = split_heads(self.query(x), 1, self.n_heads)
        return self.out(attend(query, *memory, bias=None, mask=mask, dropout=self.dropout))
