"""Tables in memory (pandas, Polars, Arrow and others), read and created through narwhals.

Letters: R rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.io.extras import imports_for
from recbole_adasid.io.one_line import one_line

ROWS_AT_ONCE = 65_536
_WHOLE = re.compile(r"0|-?[1-9]\d*", re.ASCII)  # an integer in canonical form
_PLAIN = frozenset({str, int, float, bool, type(None)})


class Frame:
    """A table in memory, from any library.

    Args:
        given: a frame of a library that narwhals knows, eager or lazy, or any object with Arrow's C stream interface.
        what: its name in messages.

    Raises:
        ImportError: if narwhals is not installed.
        ValueError: if it is not a table, or its column names are not distinct strings.
    """

    def __init__(self, given: Any, what: str) -> None:
        self.what = what
        self._frame, self._index = _as_frame(given, what), _index_names(given)
        self.columns: list[str] = _column_names(self._frame, what)

    def no_column(self, name: str) -> str:
        """Return the start of a message about a missing column, with a hint if it is the index of a pandas frame."""
        there = ", ".join(self.columns) or "no columns"
        hint = f"; it is the index, so pass {self.what}.reset_index()" if name in self._index else ""
        return f"{self.what} has no column {name!r} among {there}{hint}"

    def collect(self, names: Sequence[str]) -> None:
        """Compute a lazy frame once, keeping only these columns."""
        self._frame = self.select([name for name in names if name in self.columns])

    def select(self, names: Sequence[str]) -> Any:
        """Return some columns as a narwhals DataFrame; a lazy frame computes only these."""
        chosen = self._frame.select(list(dict.fromkeys(names)))
        return chosen.collect() if hasattr(chosen, "collect") else chosen


def rows(table: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a narwhals DataFrame as Python values; see :func:`values`."""
    for start in range(0, len(table), ROWS_AT_ONCE):
        block = table[start : start + ROWS_AT_ONCE]
        yield from zip(*(values(block[name]) for name in block.columns))


def values(column: Any) -> list[Any]:
    """Return a narwhals Series [R] as Python values, the same from every library.

    Times are in UTC without a zone; those outside Python's calendar become a string that describes them. Missing
    values are None or NaN; arrays become lists.
    """
    nw = _narwhals()
    if column.dtype == nw.Datetime:
        return _moments(column.to_numpy())
    return [value if type(value) in _PLAIN else python_value(value) for value in column.to_list()]


def made_like(table: Any, columns: Mapping[str, Any]) -> Any:
    """Return a frame of the same library as a narwhals DataFrame.

    Args:
        table: the DataFrame.
        columns: arrays [R], where object arrays hold strings, or Series of ``table``'s library.
    """
    made = [_series(table, name, column) for name, column in columns.items()]
    return made[0].to_frame().with_columns(*made[1:]).to_native()


def _series(table: Any, name: str, column: Any) -> Any:
    nw = _narwhals()
    if not isinstance(column, np.ndarray):
        return nw.maybe_reset_index(column).alias(name)
    values, kind = (column.tolist(), nw.String) if column.dtype == object else (column, None)
    return nw.new_series(name, values, kind, backend=table.implementation)


def ids_like(table: Any, name: str, tokens: Sequence[str]) -> NDArray[Any]:
    """Return tokens as integers if a DataFrame's column holds numbers and all tokens are integers, else as strings.

    Numbers may be of any type: missing ones make them floats, and a categorical or object column may hold them, too.
    """
    if _of_numbers(table[name]) and all(map(_WHOLE.fullmatch, tokens)):
        numbers = [int(token) for token in tokens]
        if all(-(2**63) <= number < 2**63 for number in numbers):
            return np.array(numbers, dtype=np.int64)
    return np.array(tokens, dtype=object)


def _of_numbers(column: Any) -> bool:
    """Tell whether a Series holds numbers alone; an empty one tells by its type."""
    if column.dtype.is_numeric():
        return True
    found = column.drop_nulls().to_list()
    return bool(found) and all(isinstance(value, (int, float, np.number, Decimal)) for value in found)


def _as_frame(given: Any, what: str) -> Any:
    nw = _narwhals()
    try:
        found = nw.from_native(given, allow_series=True, pass_through=True)
        if found is given and hasattr(given, "__arrow_c_stream__"):
            with imports_for(f"{what} is an Arrow object, which", "parquet"):
                found = nw.from_arrow(given, backend="pyarrow")
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"{what} has a duplicate column name ({one_line(error)}): rename or drop one.") from None
    if not isinstance(found, (nw.DataFrame, nw.LazyFrame)):
        raise ValueError(
            f"{what} is of type {type(given).__name__}, not a table: pass a pandas, Polars or Arrow table."
        )
    return found


def _column_names(frame: Any, what: str) -> list[str]:
    names = frame.collect_schema().names()
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{what} has a column named {name!r}, which is not a string: rename it.")
    check_distinct(names, what)
    return names


def check_distinct(names: Sequence[str], what: str) -> None:
    """Check that no two columns have one name.

    Raises:
        ValueError: naming it.
    """
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} has two columns named {name!r}: rename or drop one.")


def _index_names(given: Any) -> list[str]:
    """Return the names of a pandas frame's index, which is not a column."""
    return [name for name in getattr(getattr(given, "index", None), "names", None) or () if isinstance(name, str)]


def _moments(times: NDArray[Any]) -> list[Any]:
    """Return datetime64 [R] as Python datetimes, or as pandas timestamps if they have nanoseconds."""
    unit = np.datetime_data(times.dtype)[0]
    if unit == "ns":
        return [None if value is pd.NaT else value for value in pd.DatetimeIndex(times)]
    found = times.astype(object).tolist()
    return [f"{value} as timestamp[{unit}]" if isinstance(value, int) else value for value in found]


def python_value(value: Any) -> Any:
    """Return lists for arrays and tuples, Python's own values for numpy's, and None for what pandas calls missing."""
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if isinstance(value, np.datetime64):
        return _moments(np.array([value]))[0]
    if hasattr(value, "tolist") and not isinstance(value, np.ndarray):  # whose tolist makes integers of nanoseconds
        value = value.tolist()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [python_value(entry) for entry in value]
    return value


def _narwhals() -> ModuleType:
    with imports_for("a table in memory", "frames"):
        import narwhals
    return narwhals
