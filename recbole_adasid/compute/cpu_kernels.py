"""Attention, dropout and normalisation for CPUs, with their own backward passes. `layers.py` decides where to use them.

With autograd, these small layers take longer than TIGER's matrix products: they are memory-bound, and each of their
steps stores and re-reads a tensor.

PyTorch draws CPU dropout masks one element at a time. Here each element gets 16 raw random bits (64 in float64), read
as the upper bits of *a float of the tensor's own type*, and is kept when that float exceeds a threshold. Comparing and
zeroing are then one vectorised kernel, the one of ReLU's gradient, and so is the backward pass.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Elements whose random bits are generated at once on a CPU: they stay in its cache.
_AT_ONCE = 2**19
_BITS = {
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


class Attend(torch.autograd.Function):
    """Attention that saves only its inputs and the weights for its backward pass, in the inputs' precision.

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
        # In one pass in the order of the products, each of which would otherwise copy it.
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


class SplitHeads(torch.autograd.Function):
    """One copy into the layout of attention's products and one back; autograd would take two for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_parts: int, n_heads: int) -> tuple[Tensor, ...]:
        ctx.sizes = x.shape, n_parts, n_heads
        return tuple(part.contiguous() for part in heads_first(x, n_parts, n_heads))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        shape, n_parts, n_heads = ctx.sizes
        grad = grads[0].new_empty(shape)
        for place, part in zip(heads_first(grad, n_parts, n_heads), grads):
            place.copy_(part)
        return grad, None, None


def heads_first(x: Tensor, n_parts: int, n_heads: int) -> Tensor:
    """Return ``x`` [B, T, n_parts · H · d] as a view [n_parts, B, H, T, d]."""
    return x.unflatten(-1, (n_parts, n_heads, -1)).permute(2, 0, 3, 1, 4)


class RMSNormalise(torch.autograd.Function):
    """w ∘ n with n = x / rms(x), and its gradient in closed form.

    With autograd, the composite costs about three times as much on a CPU: it is memory-bound, and each of its steps
    stores and re-reads a tensor. With g the incoming gradient, dx = (w ∘ g − n · mean(w ∘ g ∘ n)) / rms(x).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = square.div_(x.shape[-1]).add_(eps).rsqrt_()
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        normed, inverse, weight = ctx.saved_tensors
        product = grad * normed
        grad_weight = product.flatten(0, -2).sum(0)
        mean = (product @ weight).div_(-weight.numel()).unsqueeze(-1)
        return torch.addcmul(grad * weight, normed, mean).mul_(inverse), grad_weight, None


class DropAndAdd(torch.autograd.Function):
    """stream + x / (1 − p) where noise exceeds the threshold, else stream."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stream: Tensor | None, p: float) -> Tensor:
        noise = random_bits(x)
        ctx.save_for_backward(noise)
        ctx.p = p
        kept = keep_above(x, noise, p)
        return kept.mul_(1 / (1 - p)) if stream is None else torch.add(stream, kept, alpha=1 / (1 - p))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:  # type: ignore[override]
        (noise,) = ctx.saved_tensors
        grad_x = keep_above(grad.to(noise.dtype), noise, ctx.p).mul_(1 / (1 - ctx.p))
        return grad_x, grad if ctx.needs_input_grad[1] else None, None


class DropReLU(torch.autograd.Function):
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


def keep_above(x: Tensor, noise: Tensor, p: float) -> Tensor:
    """Return ``x`` where ``noise`` (random bits of the same type) keeps it, 0 where it drops it (probability ``p``)."""
    return torch.ops.aten.threshold_backward(x, noise, threshold(p, noise.dtype))


def drop(x: Tensor, p: float, *, out: Tensor) -> Tensor:
    """Write ``x`` into ``out``, each element zeroed with probability ``p``, unscaled: both contiguous, or the same."""
    size = _AT_ONCE if x.device.type == "cpu" else max(1, x.numel())
    for block, place in zip(x.view(-1).split(size), out.view(-1).split(size)):
        noise = random_bits(block)
        torch.ops.aten.threshold_backward.grad_input(block, noise, threshold(p, x.dtype), grad_input=place)
    return out


def random_bits(like: Tensor) -> Tensor:
    """Return random bits with the shape, type and device of ``like``, from PyTorch's generator.

    The lower half of a float32 is 0 on a CPU, where generating random bits costs more than using them. PyTorch's
    generator only seeds NumPy's SFC64, which fills memory twice as fast.
    """
    if like.device.type != "cpu":
        integer = _BITS[like.dtype]
        bits = torch.empty(like.shape, dtype=integer, device=like.device)
        return bits.random_(torch.iinfo(integer).min, None).view(like.dtype)
    narrow = like.dtype == torch.float32
    n_bytes = like.numel() * (2 if narrow else like.element_size())
    seed = int(torch.randint(2**62, (1,)))
    words = torch.from_numpy(np.random.SFC64(seed).random_raw(-(-n_bytes // 8)).view(np.int32))
    if narrow:
        upper, lower = (bits := words.new_empty(2 * len(words))).chunk(2)
        torch.bitwise_and(words, -(2**16), out=upper)
        torch.bitwise_left_shift(words, 16, out=lower)
        words = bits
    return words.view(torch.int16).view(like.dtype)[: like.numel()].view(like.shape)


@functools.cache
def threshold(p: float, dtype: torch.dtype) -> float:
    """Return the float t for which random bits of ``dtype``, read as a float, satisfy x ≤ t with probability ``p``.

    A negative float falls as its magnitude bits rise, up to −inf; patterns above −inf are NaN and compare false.
    So t is the negative float with p · 2^bits patterns at or below it. A float32 with only upper bits has bfloat16's
    patterns; with all bits random, bfloat16's t is off by at most 2^−16.
    """
    dtype = torch.bfloat16 if dtype == torch.float32 else dtype
    integer = _BITS[dtype]
    n_bits = torch.iinfo(integer).bits
    infinity = int(torch.tensor(float("inf"), dtype=dtype).view(integer))
    magnitude = infinity + 1 - round(p * 2**n_bits)
    return -float(torch.tensor(magnitude, dtype=integer).view(dtype))
