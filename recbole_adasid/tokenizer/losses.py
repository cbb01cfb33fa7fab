"""Row-wise squared errors and their mean over the draws."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean over columns of (a − b)² for each row: [B, d], [B, d] → [B]."""
    difference = a - b
    return torch.linalg.vecdot(difference, difference) / a.shape[1]


def mean_of_draws(values: Tensor, counts: Tensor | None) -> Tensor:
    """Return the mean of ``values`` [U] weighted by ``counts`` [U]; None: unweighted."""
    return values.mean() if counts is None else values @ (counts / counts.sum())
