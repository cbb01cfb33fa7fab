"""Opening Parquet files, with errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recbole_adasid.io.extras import imports_for
from recbole_adasid.io.one_line import first_line


def require_pyarrow(path: Path, otherwise: str | None = None) -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet, which ``path`` needs; ``otherwise``: what to do without them.

    Raises:
        ImportError: naming the extra.
    """
    with imports_for(path, "parquet", otherwise):
        import pyarrow
        from pyarrow import parquet
    return pyarrow, parquet


def open_parquet(path: Path, columns: Iterable[str], otherwise: str | None = None) -> Any:
    """Open a Parquet file; ``otherwise``: what to do without pyarrow.

    Raises:
        ImportError: if pyarrow is not installed.
        ValueError: if it is damaged, or lacks one of ``columns``.
    """
    pyarrow, parquet = require_pyarrow(path, otherwise)
    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} is not a Parquet file, or damaged ({first_line(error)}): re-create the file"
        ) from None
    names = file.schema_arrow.names
    for column in columns:
        if column not in names:
            raise ValueError(
                f"{path} has no column {column!r} among {', '.join(names)}: rename a column or name another"
            )
    return file
