"""Position-wise feed-forward network: linear, ReLU, linear."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.attention import linear
from recbole_adasid.model.dropout import Dropout


class FeedForward(nn.Module):
    """W_out · dropout(relu(W_in · x)), without biases."""

    def __init__(self, *, d_model: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.inner = linear(d_model, d_ff, d_model**-0.5)
        self.out = linear(d_ff, d_model, d_ff**-0.5)
        self.dropout = Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [..., D] → [..., D]."""
        return self.out(self.dropout(torch.relu(self.inner(x))))
