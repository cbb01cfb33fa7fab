"""Attention, dropout and normalisation: our own kernels on a CPU, PyTorch's everywhere else."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_adasid.compute import cpu_kernels
from recbole_adasid.compute.cpu_kernels import heads_first


def ours(x: Tensor) -> bool:
    """Tell whether to use our own kernels for ``x``: on a CPU, where they make training fast."""
    return x.device.type == "cpu"


class Dropout(nn.Module):
    """Zero each element with probability ``p`` and scale the others by 1 / (1 − p), while training only.

    Raises:
        ValueError: if ``p`` is outside [0, 0.49], the range in which the kernel's threshold is a negative finite float.
    """

    def __init__(self, *, p: float) -> None:
        super().__init__()
        if not 0.0 <= p <= 0.49:
            raise ValueError(f"dropout is {p}, but must be between 0 and 0.49")
        self.p = p

    @property
    def active(self) -> bool:
        """Whether dropout is active now."""
        return self.training and self.p > 0.0

    @property
    def scale(self) -> float:
        """Factor of kept elements."""
        return 1.0 / (1.0 - self.p) if self.active else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout to ``x`` (any shape)."""
        if not ours(x):
            return F.dropout(x, self.p, self.training)
        return cpu_kernels.DropAndAdd.apply(x, None, self.p) if self.active else x

    def add(self, stream: Tensor, x: Tensor) -> Tensor:
        """Return ``stream`` + dropout(``x``), in the type of ``stream``: the end of every sublayer."""
        if not ours(x):
            return stream + F.dropout(x, self.p, self.training)
        return cpu_kernels.DropAndAdd.apply(x, stream, self.p) if self.active else stream + x


class RMSNorm(nn.Module):
    """Scale each vector to unit root mean square, then per column: no mean is subtracted, no bias added.

    Root-mean-square layer normalisation (Zhang & Sennrich 2019, arXiv 1910.07467), as in T5. Computes in its input's
    type regardless of autocast: the residual stream stays float32.
    """

    eps = 1e-6

    def __init__(self, *, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` [..., D] → [..., D]."""
        if ours(x):
            return cpu_kernels.RMSNormalise.apply(x, self.weight, self.eps)
        with torch.autocast(x.device.type, enabled=False):
            return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, bias: Tensor | None, mask: Tensor | None, dropout: Dropout
) -> Tensor:
    """Attend to values. Scores are not scaled, as in T5.

    On a CPU, PyTorch's ``scaled_dot_product_attention`` is used only without gradients: with a trainable bias or with
    dropout, it is slower there than our kernel and takes several times the memory.

    Args:
        query: [B, H, Q, d]. key, value: [B, H, M, d].
        bias: learned, [1, H, Q, M].
        mask: not learned, broadcastable to [B, H, Q, M]: 0 or ``MASKED``.

    Returns:
        [B, Q, H · d].
    """
    p = dropout.p if dropout.active else 0.0
    if not ours(query) or not (torch.is_grad_enabled() or p):
        both = mask if bias is None else bias if mask is None else bias + mask
        both = None if both is None else both.to(query.dtype).expand(-1, -1, query.shape[2], -1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=both, dropout_p=p, scale=1.0)
        return mixed.transpose(1, 2).flatten(2)
    # Both passes read them several times as batched matrices.
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    return cpu_kernels.Attend.apply(query, key, value, bias, mask, p).transpose(1, 2).flatten(2)


def split_heads(x: Tensor, n_parts: int, n_heads: int) -> tuple[Tensor, ...]:
    """Split ``x`` [B, T, n_parts · H · d] into ``n_parts`` tensors [B, H, T, d], contiguous on CPU under gradients."""
    if torch.is_grad_enabled() and ours(x):
        return cpu_kernels.SplitHeads.apply(x, n_parts, n_heads)
    return heads_first(x, n_parts, n_heads).unbind(0)


def relu_and_drop(x: Tensor, dropout: Dropout) -> Tensor:
    """Return dropout(relu(``x``)) without dropout's scale; ``x`` is overwritten on a CPU."""
    if not dropout.active:
        return x.relu_() if ours(x) else x.relu()
    if ours(x):
        return cpu_kernels.DropReLU.apply(x, dropout.p)
    return F.dropout(x.relu(), dropout.p) / dropout.scale
