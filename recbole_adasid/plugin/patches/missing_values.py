"""RecBole 1.2.1 fills gaps with `frame[field].fillna(..., inplace=True)`, which pandas 3 applies to a copy.

Item 0 would silently become the smallest integer.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any


def fill_gaps_in_place(module: ModuleType) -> None:
    """Make the datasets of `recbole.data.dataset.dataset` fill gaps with :func:`fill_missing_values`."""
    module.Dataset._fill_nan = fill_missing_values  # type: ignore[attr-defined]


def fill_missing_values(dataset: Any) -> None:
    """Fill gaps in a RecBole dataset's tables: padding (0) for tokens, the mean for floats, nothing for sequences."""
    import numpy

    for name in dataset.feat_name_list:
        frame = getattr(dataset, name)
        for field in frame:
            kind = dataset.field2type[field].value
            if kind == "token":
                frame[field] = frame[field].fillna(0)
            elif kind == "float":
                frame[field] = frame[field].fillna(frame[field].mean())
            else:
                empty = numpy.array([], dtype=numpy.int64 if kind == "token_seq" else numpy.float64)
                frame[field] = [empty if isinstance(value, float) else value for value in frame[field]]
