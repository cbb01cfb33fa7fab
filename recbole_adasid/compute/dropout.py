"""Dropout whose random numbers do not dominate training on a CPU.

PyTorch draws CPU dropout masks one element at a time: for TIGER's small matrices that takes longer than the matrix
products themselves. Here each element gets 16 raw random bits (64 in float64), read as the upper bits of *a float of
the tensor's own type*, and is kept when that float exceeds a threshold. Comparing and zeroing are then one vectorised
kernel, the one of ReLU's gradient, and so is the backward pass.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Elements of which the random bits are at hand at once on a CPU: they stay in its cache.
_AT_ONCE = 2**19
_BITS = {
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


class Dropout(nn.Module):
    """Zero each element with probability ``p`` and scale the others by 1 / (1 − p), while training only.

    Raises:
        ValueError: ``p`` is outside [0, 0.49], the range in which the threshold is a negative finite float.
    """

    def __init__(self, *, p: float) -> None:
        super().__init__()
        if not 0.0 <= p <= 0.49:
            raise ValueError(f"dropout is {p}, it must lie between 0 and 0.49")
        self.p = p

    @property
    def active(self) -> bool:
        """Whether anything is dropped now."""
        return self.training and self.p > 0.0

    @property
    def scale(self) -> float:
        """What kept elements are multiplied by."""
        return 1.0 / (1.0 - self.p) if self.active else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of ``x`` (any shape)."""
        return _Drop.apply(x, None, self.p) if self.active else x

    def add(self, stream: Tensor, x: Tensor) -> Tensor:
        """Return ``stream`` + dropout(``x``), in the type of ``stream``: the end of every sublayer."""
        return _Drop.apply(x, stream, self.p) if self.active else stream + x


class _Drop(torch.autograd.Function):
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


def keep_above(x: Tensor, noise: Tensor, p: float) -> Tensor:
    """Return ``x`` where ``noise`` (random bits of the same type) keeps it, 0 where it drops it (probability ``p``)."""
    return torch.ops.aten.threshold_backward(x, noise, threshold(p, noise.dtype))


def drop(x: Tensor, p: float, *, out: Tensor) -> Tensor:
    """Write ``x`` into ``out``, each element zeroed with probability ``p`` and none scaled: both contiguous, or one."""
    size = _AT_ONCE if x.device.type == "cpu" else max(1, x.numel())
    for block, place in zip(x.view(-1).split(size), out.view(-1).split(size)):
        noise = random_bits(block)
        torch.ops.aten.threshold_backward.grad_input(block, noise, threshold(p, x.dtype), grad_input=place)
    return out


def random_bits(like: Tensor) -> Tensor:
    """Return a tensor of the shape, type and device of ``like`` of random bits, from PyTorch's generator.

    The lower half of a float32 is 0 on a CPU: there, random bits cost more than what is done with them. PyTorch's
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
    So t is the negative float that has p · 2^bits patterns at or below it. A float32 with upper bits alone has the
    patterns of bfloat16, whose t all of its bits satisfy as well but for 2^−16.
    """
    dtype = torch.bfloat16 if dtype == torch.float32 else dtype
    integer = _BITS[dtype]
    n_bits = torch.iinfo(integer).bits
    infinity = int(torch.tensor(float("inf"), dtype=dtype).view(integer))
    magnitude = infinity + 1 - round(p * 2**n_bits)
    return -float(torch.tensor(magnitude, dtype=integer).view(dtype))
