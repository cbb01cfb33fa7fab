"""RecBole 1.2.1 gets sequence lengths from `series.agg(len)`; pandas 3 passes the whole series to `len`."""

from __future__ import annotations

from collections.abc import Sized
from types import ModuleType
from typing import Any


def measure_each_element(module: ModuleType) -> None:
    """Give `len` its former meaning in a module of `recbole.data.dataset`."""
    module.len = elementwise_length  # type: ignore[attr-defined]


def elementwise_length(value: Sized) -> Any:
    """Return the length, or for a pandas Series the length of each of its elements."""
    import pandas

    if isinstance(value, pandas.Series):
        return [len(element) for element in value]
    return len(value)
