"""Any index as row numbers."""

from __future__ import annotations

from typing import Any

import torch


def as_rows(index: Any, size: int) -> torch.Tensor:
    """Return any index (slice, number, list, array, tensor) into ``size`` rows as row numbers [B].

    Raises:
        IndexError: if there is no such row.
    """
    if isinstance(index, slice):
        return torch.arange(*index.indices(size))
    rows = torch.as_tensor(index, dtype=torch.int64).reshape(-1)
    if len(rows) and not -size <= int(rows.min()) <= int(rows.max()) < size:
        raise IndexError(f"rows {int(rows.min())} to {int(rows.max())} are out of range: there are {size} examples")
    return torch.where(rows < 0, rows + size, rows)
