"""Dropout whose random numbers do not dominate training on a CPU.

PyTorch draws CPU dropout masks one element at a time: for TIGER's small matrices that takes longer than the matrix
products themselves. Here each element gets 16 (bfloat16) or 32 (float32) raw random bits, read *as a float of the
tensor's own type*, and is kept when that float exceeds a threshold. Comparing and zeroing are then one vectorised
kernel, the one of ReLU's gradient, and so is the backward pass.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}


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

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of ``x`` (any shape)."""
        if not self.training or self.p == 0.0:
            return x
        if x.device.type != "cpu" or x.dtype not in _BITS:
            return nn.functional.dropout(x, self.p)
        return _DropBelow.apply(x, random_bits(x.shape, x.dtype), threshold(self.p, x.dtype), 1.0 / (1.0 - self.p))


class _DropBelow(torch.autograd.Function):
    """scale · x where noise > threshold, else 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, noise: Tensor, threshold: float, scale: float) -> Tensor:
        ctx.save_for_backward(noise)
        ctx.threshold, ctx.scale = threshold, scale
        return torch.ops.aten.threshold_backward(x, noise, threshold).mul_(scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (noise,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad, noise, ctx.threshold).mul_(ctx.scale), None, None, None


def random_bits(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Return a tensor of ``shape`` and ``dtype`` whose bits are random, seeded from PyTorch's generator.

    NumPy's SFC64 fills memory about twice as fast as PyTorch's Mersenne Twister.
    """
    seed = int(torch.randint(2**62, (1,)))
    n_bytes = shape.numel() * dtype.itemsize
    words = np.random.SFC64(seed).random_raw(-(-n_bytes // 8))
    return torch.from_numpy(words.view(np.int16)).view(dtype)[: shape.numel()].view(shape)


@functools.cache
def threshold(p: float, dtype: torch.dtype) -> float:
    """Return the float t for which random bits of ``dtype``, read as a float, satisfy x ≤ t with probability ``p``.

    A negative float falls as its magnitude bits rise, up to −inf; patterns above −inf are NaN and compare false.
    So t is the negative float that has p · 2^bits patterns at or below it.
    """
    integer = _BITS[dtype]
    n_bits = torch.iinfo(integer).bits
    infinity = int(torch.tensor(float("inf"), dtype=dtype).view(integer))
    magnitude = infinity + 1 - round(p * 2**n_bits)
    return -float(torch.tensor(magnitude, dtype=integer).view(dtype))
