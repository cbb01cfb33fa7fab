"""Any index as row numbers."""

from __future__ import annotations

from typing import Any

import torch


def as_rows(index: Any, size: int) -> torch.Tensor:
    """Return any index (slice, number, list, array, tensor, mask) into ``size`` rows as row numbers [B].

    Raises:
        IndexError: if there is no such row, or a mask is not of that length.
    """
    if isinstance(index, slice):
        return torch.arange(*index.indices(size))
    rows = torch.as_tensor(index).reshape(-1)
    if rows.dtype == torch.bool:
        if len(rows) != size:
            raise IndexError(f"a mask of {len(rows)} rows does not fit: there are {size} examples")
        return rows.nonzero().reshape(-1)
    rows = rows.to(torch.int64)
    if len(rows) and not -size <= int(rows.min()) <= int(rows.max()) < size:
        raise IndexError(f"rows {int(rows.min())} to {int(rows.max())} are out of range: there are {size} examples")
    return torch.where(rows < 0, rows + size, rows)
