"""Position-wise feed-forward network: linear, ReLU, linear."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recbole_adasid.compute.dropout import Dropout, drop
from recbole_adasid.model.attention import linear


class FeedForward(nn.Module):
    """W_out · dropout(relu(W_in · x)), without biases."""

    def __init__(self, *, d_model: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.inner = linear(d_model, d_ff, d_model**-0.5)
        self.out = linear(d_ff, d_model, d_ff**-0.5)
        self.dropout = Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [..., D] → [..., D]."""
        hidden = self.inner(x)
        if not self.dropout.active:
            return self.out(hidden.relu_())
        kept = _DropReLU.apply(hidden, self.dropout.p)
        # The scale of dropout goes into the small weight instead of the large activation.
        return nn.functional.linear(kept, self.out.weight * self.dropout.scale)


class _DropReLU(torch.autograd.Function):
    """ReLU and dropout without its scale, in place: the gradient passes where the result is positive."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        ctx.mark_dirty(x)
        kept = drop(x, p, out=x).relu_()
        ctx.save_for_backward(kept)
        return kept

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (kept,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad, kept, 0), None
