"""Parquet files opened, with errors in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def require_pyarrow(path: Path) -> tuple[Any, Any]:
    """Return the packages pyarrow and pyarrow.parquet, which ``path`` needs.

    Raises:
        ImportError: naming the extra.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            f"{path} needs a package that cannot be imported ({error}): pip install 'recbole-adasid[parquet]'"
        ) from error
    return pyarrow, parquet


def open_parquet(path: Path, columns: Iterable[str]) -> Any:
    """Return an opened Parquet file.

    Raises:
        ImportError: without pyarrow.
        ValueError: if it is damaged, or lacks one of ``columns``.
    """
    pyarrow, parquet = require_pyarrow(path)
    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} is no Parquet file, or damaged ({first_line(error)}): write it again") from None
    names = file.schema_arrow.names
    for column in columns:
        if column not in names:
            raise ValueError(f"{path} has no column {column!r} among {', '.join(names)}: name or rename it")
    return file


def first_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
