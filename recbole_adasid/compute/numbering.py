"""Numbers for equal rows."""

from __future__ import annotations

import torch
from torch import Tensor


def numbered_rows(table: Tensor) -> Tensor:
    """Return int64 [N], from 0 on, equal for equal rows of ``table`` [N, C]."""
    numbers = torch.zeros(len(table), dtype=torch.int64, device=table.device)
    for column in table.t():  # much faster than sorting whole rows
        numbers = torch.unique(numbers * (int(column.max()) + 1) + column, return_inverse=True)[1]
    return numbers
