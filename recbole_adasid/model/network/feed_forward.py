"""Position-wise feed-forward network: linear, ReLU, linear."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_adasid.compute.layers import Dropout, relu_and_drop
from recbole_adasid.model.network.attention import linear


class FeedForward(nn.Module):
    """W_out · dropout(relu(W_in · x)), without biases."""

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
