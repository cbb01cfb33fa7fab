"""The network in plain operations of PyTorch, which a compiler sees through, in place of those made for CPUs.

Dropout from raw random bits and backward passes of its own are what makes training fast on a CPU. To torch.compile
each of them is a place where it has to stop. The values are the same, but for which elements dropout drops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.compute import dropout, norm
from recbole_adasid.model import attention, feed_forward


@contextmanager
def plain_operations() -> Iterator[None]:
    """Replace them while the block runs."""
    replaced = [
        (dropout.Dropout, "forward", _dropout),
        (dropout.Dropout, "add", _dropped_and_added),
        (norm.RMSNorm, "forward", _norm),
        (feed_forward.FeedForward, "forward", _feed_forward),
        (attention, "attend", _attend),
        (attention, "split_heads", _split_heads),
    ]
    with ExitStack() as stack:
        for owner, name, function in replaced:
            stack.enter_context(mock.patch.object(owner, name, function))
        yield


def _dropout(self: dropout.Dropout, x: Tensor) -> Tensor:
    return F.dropout(x, self.p, self.training)


def _dropped_and_added(self: dropout.Dropout, stream: Tensor, x: Tensor) -> Tensor:
    return stream + F.dropout(x, self.p, self.training)


def _norm(self: norm.RMSNorm, x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def _feed_forward(self: feed_forward.FeedForward, x: Tensor) -> Tensor:
    return self.out(_dropout(self.dropout, self.inner(x).relu()))


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    bias: Tensor | None,
    mask: Tensor | None,
    dropout: dropout.Dropout,
) -> Tensor:
    scores = (query @ key.transpose(-1, -2)).float()
    for term in (bias, mask):
        scores = scores if term is None else scores + term
    weights = _dropout(dropout, torch.softmax(scores, dim=-1)).to(value.dtype)
    return (weights @ value).transpose(1, 2).flatten(2)


def _split_heads(x: Tensor, n_parts: int, n_heads: int) -> tuple[Tensor, ...]:
    return x.unflatten(-1, (n_parts, n_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
