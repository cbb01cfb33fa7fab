"""The core of attention: softmax(q·k + bias + mask), dropout, weighted sum of the values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.compute.dropout import Dropout, drop


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, bias: Tensor | None, mask: Tensor | None, dropout: Dropout
) -> Tensor:
    """Mix values by attention. Scores are not scaled, as in T5.

    PyTorch's ``scaled_dot_product_attention`` serves only where no gradient is wanted: with a bias that needs one, or
    with dropout, its CPU version is slower than what follows here and takes several times the memory.

    Args:
        query: [B, H, Q, d]. key, value: [B, H, M, d].
        bias: learned, [1, H, Q, M].
        mask: not learned, broadcastable to [B, H, Q, M]: 0 or ``MASKED``.

    Returns:
        [B, Q, H · d].
    """
    if not torch.is_grad_enabled() and not dropout.active:
        both = mask if bias is None else bias if mask is None else bias + mask
        both = None if both is None else both.to(query.dtype).expand(-1, -1, query.shape[2], -1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=both, scale=1.0)
        return mixed.transpose(1, 2).flatten(2)
    # Both passes read them several times as batches of matrices.
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    mixed = _Attend.apply(query, key, value, bias, mask, dropout.p if dropout.active else 0.0)
    return mixed.transpose(1, 2).flatten(2)


class _Attend(torch.autograd.Function):
    """Attention that keeps for its backward pass nothing but its inputs and the weights, in the inputs' precision.

    Only the softmax and its gradient run in float32. With P the weights, M the dropout (0 or 1 / (1 − p)) and
    dW = M ∘ (dO · Vᵀ): the scores' gradient is P ∘ (dW − rowsum(P ∘ dW)).
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, mask: Tensor | None, p: float
    ) -> Tensor:
        scores = (query @ key.transpose(-1, -2)).to(_softmax_type(query))
        for term in (bias, mask):
            if term is not None:
                scores.add_(term)
        weights = torch.softmax(scores, dim=-1).to(value.dtype)
        dropped = drop(weights, p, out=torch.empty_like(weights)) if p > 0 else weights
        ctx.save_for_backward(query, key, value, weights, dropped)
        ctx.p = p
        return (dropped @ value).mul_(1 / (1 - p))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query, key, value, weights, dropped = ctx.saved_tensors
        # In one pass in the order of the products, which would each copy it otherwise.
        grad = torch.mul(grad, 1 / (1 - ctx.p), out=torch.empty(grad.shape, dtype=value.dtype, device=value.device))
        grad_weights = grad @ value.transpose(-1, -2)
        if ctx.p > 0:
            grad_weights = torch.ops.aten.threshold_backward(grad_weights, dropped, 0)
        wide = _softmax_type(query)
        grad_scores = torch._softmax_backward_data(grad_weights.to(wide), weights.to(wide), -1, wide)
        grad_bias = grad_scores.sum(0, keepdim=True) if ctx.needs_input_grad[3] else None
        narrow = grad_scores.to(query.dtype)
        grad_query, grad_key = narrow @ key, narrow.transpose(-1, -2) @ query
        return grad_query, grad_key, dropped.transpose(-1, -2) @ grad, grad_bias, None, None


def _softmax_type(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
