"""A table in memory as a source of rows, like the table files of `tables.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from recbole_adasid.data.convert.rows import nearest_column
from recbole_adasid.data.convert.tables import Numbered
from recbole_adasid.io.frames import Frame, rows
from recbole_adasid.settings.errors import SettingsError


class FrameTable:
    """A table in memory with the interface of :class:`~recbole_adasid.data.convert.tables.RawTable`.

    Its rows are counted from 0, as in Python.

    Args:
        frame: the table.
    """

    unit = "row"

    def __init__(self, frame: Frame) -> None:
        self.frame, self.path, self.columns = frame, frame.what, frame.columns

    def has(self, name: str) -> bool:
        """Tell whether there is a column of this name."""
        return name in self.columns

    def records(self, wanted: Iterable[str], *, progress: bool = False) -> tuple[Numbered, Callable[[Any], Any]]:
        """Return numbered rows, and the function that turns one into a record."""
        names = list(dict.fromkeys(wanted))
        return enumerate(rows(self.frame.select(names))), lambda row: dict(zip(names, row))

    def missing(self, raw: str, name: str, key: str) -> SettingsError:
        """Return the error for a missing column needed for `name`; the setting `key` maps columns."""
        near = nearest_column(raw, self.columns)
        return SettingsError(f"{self.frame.no_column(raw)}, for {name}: map it, as in {key}={{{name!r}: {near!r}}}.")
