"""Times of a log, as exact as in its files, and warnings about suspicious ones.

Letters: R rows read together.
"""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Unix times of 1973 to 2286, in seconds and in milliseconds: the ranges do not overlap.
SECONDS, MILLISECONDS = (1e8, 1e10), (1e11, 1e13)

logger = logging.getLogger(__name__)

_LATEST = 2**62
TIME = np.dtype([("whole", "i8"), ("rest", "f8")])
"""A time as an integer plus remainder of the same sign, so that nothing is rounded to a less exact float."""
_UNITS = {"seconds": SECONDS, "milliseconds": MILLISECONDS, "microseconds": (1e14, 1e16), "nanoseconds": (1e17, 1e19)}


class TimesSeen:
    """Detects suspicious times over a whole log: mixed units, or all equal."""

    def __init__(self) -> None:
        self.of_unit: dict[str, Path] = {}
        self.least, self.most = math.inf, -math.inf
        self.rows = 0

    def note(self, times: NDArray[np.int64], path: Path) -> None:
        """Record the times [R] of a file."""
        for unit, (low, high) in _UNITS.items():
            if unit not in self.of_unit and ((times >= low) & (times < high)).any():
                self.of_unit[unit] = path
        self.rows += len(times)
        self.least = min(self.least, times.min(initial=_LATEST))
        self.most = max(self.most, times.max(initial=-_LATEST))

    def report(self, name: str) -> None:
        """Warn of findings in the column ``name``."""
        if len(self.of_unit) > 1:
            where = " and ".join(f"{unit} ({path.name})" for unit, path in self.of_unit.items())
            logger.warning("The %s of the log mixes %s: times are compared unconverted.", name, where)
        if self.rows > 1 and self.least == self.most:
            logger.warning("Every %s of the log is %g, so the order of its files decides.", name, self.most)


def exact_times(path: Path, first: int, name: str, column: NDArray) -> NDArray[Any]:
    """Return the times of a column, of `TIME` [R].

    Args:
        path: the file, for messages.
        first: number of the first row.
        name: column name.
        column: as read, strings or numbers [R].

    Raises:
        ValueError: naming the first row without a finite number.
    """
    times = np.zeros(len(column), dtype=TIME)
    whole = _plain_integers(column)
    if whole is not None:
        times["whole"] = whole
        return times
    numbers = _numbers(column)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(np.argmax(wrong))
        found = repr(column[row]) if isinstance(column[row], str) else str(column[row])
        raise ValueError(
            f"{path}, row {first + row}: the {name} is not a finite number but {found}: fix it, or convert "
            "the log by `recbole-adasid convert table`, which also reads ISO 8601 dates."
        )
    parts = np.trunc(numbers).clip(-(2.0**62), 2.0**62)
    times["whole"], times["rest"] = parts, numbers - parts
    for row in np.flatnonzero(np.abs(parts) >= 2**53).tolist():  # a float of that size may differ from the integer
        if _WHOLE.fullmatch(str(column[row])) and abs(int(column[row])) < 2**63:
            times[row] = int(column[row]), 0.0
    return times


def _plain_integers(column: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return a column's integers in a fraction of Python's time, or None if not all are plain integers."""
    if column.dtype == np.uint64:
        return column.astype(np.int64) if column.max(initial=0) < 2**63 else None
    if column.dtype.kind in "iu":
        return column.astype(np.int64)
    if column.dtype.kind != "O":
        return None
    try:
        numbers = pd.to_numeric(column)
    except (ValueError, TypeError):
        return None
    return numbers if numbers.dtype == np.int64 else None


def _numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    """Return the numbers of a column [R], NaN where there is none."""
    if column.dtype.kind == "O":
        return np.array([_number(value) for value in column])
    if column.dtype.kind == "M":  # a missing date would be a number
        return np.where(np.isnat(column), np.nan, column.astype(np.float64))
    return column.astype(np.float64)


def _number(value: Any) -> float:
    """Return the number in a text in data-file notation, or NaN; Python also accepts 1_000."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value.strip(" ")) else float("nan")
    return float("nan") if value is None else float(value)


NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as data files may write it; Python also accepts 1_000."""
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


def times_of_arrow(column: Any, path: Path, name: str) -> NDArray[Any]:
    """Return times as written [R]; timestamps and dates of any type as nanoseconds.

    Raises:
        ValueError: for a non-time type, or times beyond 64-bit nanoseconds.
    """
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_boolean(column.type) or types.is_time(column.type) or types.is_duration(column.type):
        raise ValueError(f"{path}: the {name} has type {column.type}: use numbers, dates or timestamps.")
    if types.is_timestamp(column.type) or types.is_date(column.type):
        zone = column.type.tz if types.is_timestamp(column.type) else None
        try:
            column = column.cast(pyarrow.timestamp("ns", zone)).cast(pyarrow.int64())
        except pyarrow.ArrowInvalid:
            raise ValueError(f"{path} has a {name} outside the years 1678 to 2261: fix it or remove the row.") from None
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
