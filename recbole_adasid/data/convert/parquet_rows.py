"""Rows of Parquet files as Python values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recbole_adasid.io.one_line import first_line
from recbole_adasid.io.parquet import open_parquet


def open_table(path: Path) -> Any:
    """Open a Parquet file; errors are those of :func:`~recbole_adasid.io.parquet.open_parquet`."""
    return open_parquet(path, (), "save the table as CSV")


def parquet_rows(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a Parquet file with their numbers, from 1."""
    from pyarrow import ArrowException

    row = 0
    try:
        for batch in open_table(path).iter_batches(columns=columns):
            for values in zip(*map(_values, batch.columns)):
                row += 1
                yield row, dict(zip(batch.schema.names, values))
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged after row {row} ({first_line(error)}): save it again.") from None


def _values(column: Any) -> list[Any]:
    """Return a column's values; timestamps in UTC, and those beyond Python's calendar as a descriptive text."""
    import pyarrow

    if pyarrow.types.is_timestamp(column.type) and column.type.tz is not None:
        # The zone is only for display, and Python may not know it.
        column = column.cast(pyarrow.int64()).cast(pyarrow.timestamp(column.type.unit))
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return f"{scalar.value} as {scalar.type}"
