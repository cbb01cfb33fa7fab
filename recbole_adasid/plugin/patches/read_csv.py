"""RecBole 1.2.1 reads atomic files slowly, and with pandas 3 gets other types for text columns and sequence gaps.

It also interprets quotes and "NA" within a cell, which are plain text in item titles.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

_AS_WRITTEN: ContextVar[bool] = ContextVar("as_written", default=False)


def read_as_pandas_2(module: ModuleType) -> None:
    """Make `recbole.data.dataset.dataset` read files through :class:`_PandasForRecBole`."""
    import pandas

    module.pd = _PandasForRecBole(pandas)  # type: ignore[attr-defined]


@contextmanager
def cells_as_written() -> Iterator[None]:
    """Within, RecBole reads cells verbatim: quotes are characters and "NA" is a name."""
    token = _AS_WRITTEN.set(True)
    try:
        yield
    finally:
        _AS_WRITTEN.reset(token)


def _plain_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the `read_csv` options for verbatim cells; only numbers can be missing.

    Tokens become categories, one object in memory each rather than one per row: while reading, or afterwards where
    pandas would turn them into numbers.
    """
    numbers = {name: [""] for name, kind in kwargs["dtype"].items() if kind is not str}
    token = str if _guesses_categories() else "category"
    kinds = {name: token if name.endswith(":token") else kind for name, kind in kwargs["dtype"].items()}
    options = {"quoting": csv.QUOTE_NONE, "keep_default_na": False, "na_values": numbers, "dtype": kinds}
    # pandas skips a byte order mark itself, and reads plain UTF-8 much faster.
    return {**options, "encoding": "utf-8"} if kwargs["encoding"] == "utf-8-sig" else options


@functools.cache
def _guesses_categories() -> bool:
    """Tell whether pandas merges the categories 07 and 7 into one number, as from version 3.1."""
    import pandas

    return len(pandas.read_csv(io.StringIO("a\n07\n7\n"), dtype="category")["a"].cat.categories) == 1


class _PandasForRecBole(ModuleType):
    """pandas with a fast `read_csv` that reads text columns as pandas 2 did and leaves no gaps in sequences."""

    def __init__(self, pandas: ModuleType) -> None:
        super().__init__("pandas")
        self._pandas = pandas

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pandas, name)

    def read_csv(self, *args: Any, **kwargs: Any) -> Any:
        """Read a RecBole atomic file, whose columns are still named `name:type` here."""
        if kwargs.get("engine") == "python" and len(kwargs.get("delimiter") or "") == 1:
            # pandas' own parser is several times faster; its default rounds floats differently from Python.
            kwargs |= {"engine": "c", "float_precision": "round_trip", "low_memory": False}
        if _AS_WRITTEN.get():
            kwargs |= _plain_options(kwargs)
        frame = self._pandas.read_csv(*args, **kwargs)
        for column in frame.columns:
            if _AS_WRITTEN.get() and column.endswith(":token"):
                frame[column] = frame[column].astype("category")
            if not column.endswith(":float") and frame[column].dtype != "category":
                frame[column] = frame[column].astype(object)
            if column.endswith("_seq"):
                frame[column] = frame[column].fillna("")
        return frame
