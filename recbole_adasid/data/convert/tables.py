"""Tables of any origin (CSV, JSON lines, Parquet), with columns chosen by a mapping."""

from __future__ import annotations

import csv
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from recbole_adasid.data.convert.cell_values import CELLS, identifier, number, plain_text
from recbole_adasid.data.convert.cell_values import unix_seconds as seconds
from recbole_adasid.data.convert.counting import LineCount, usable
from recbole_adasid.data.convert.csv_rows import DELIMITERS, csv_record, csv_rows, other_delimiter
from recbole_adasid.data.convert.lines import parse_record, read_lines, require_file
from recbole_adasid.data.convert.number_formats import plain_number
from recbole_adasid.data.convert.parquet_rows import open_table, parquet_rows
from recbole_adasid.data.convert.rows import ITEM, RATING, TEXTS, TIME, USER, Rows, mapped, refuse_repeated
from recbole_adasid.data.convert.rows import cells as row_of
from recbole_adasid.settings.errors import SettingsError, unknown_name

if TYPE_CHECKING:
    from recbole_adasid.data.convert.frame_table import FrameTable

logger = logging.getLogger(__name__)

Cell = Callable[[Any], str]
Numbered = Iterator[tuple[int, Any]]

TIME_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
# Rows of a JSON lines file whose keys are read as its columns at first.
_LOOKED_AT = 1000


class RawTable:
    """A file of rows with named columns.

    Attributes:
        path: the file; its suffix gives the format, followed by `.gz` if compressed.
        columns: the names of its columns; of JSON lines, those found so far, see :meth:`has`.
    """

    unit = "line"
    """What a row is called in messages."""

    def __init__(
        self, path: Path, delimiter: str | None = None, quotes: bool | None = None, *, delimiter_key: str = "delimiter"
    ) -> None:
        """Read the column names.

        Args:
            path: with the suffix .csv, .tsv, .jsonl, .ndjson, .json or .parquet.
            delimiter: of a CSV file, one of `DELIMITERS`; None: a comma, or a tab for .tsv.
            quotes: whether quotation marks enclose cells; None: yes, except in .tsv, where they are text.
            delimiter_key: the setting for `delimiter`, used in messages.

        Raises:
            FileNotFoundError: if there is no such file.
            SettingsError: for another suffix or an unknown delimiter.
            ValueError: if the file is damaged or empty, or a JSON array.
        """
        require_file(path)
        self.path = path
        endings = [ending.lower() for ending in path.suffixes]
        ending = endings[-2] if endings[-1:] == [".gz"] and len(endings) > 1 else endings[-1] if endings else ""
        if ending not in _KINDS:
            raise SettingsError(
                f"{path} is not one of {', '.join(_KINDS)} (optionally with .gz): rename it, or convert it to one."
            )
        if delimiter is not None and delimiter not in DELIMITERS:
            raise unknown_name(delimiter_key, delimiter, DELIMITERS)
        self._kind, self._delimiter_key, self._given = _KINDS[ending], delimiter_key, delimiter is not None
        quoted = ending != ".tsv" if quotes is None else quotes
        self._dialect = {
            "delimiter": DELIMITERS[delimiter or ("tab" if ending == ".tsv" else "comma")],
            "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        }
        self.columns, self._all_seen = self._columns(), self._kind != "jsonl"

    def with_column(self, name: str) -> RawTable:
        """Return the table, read with another delimiter than the given one if only that one finds this column.

        One setting serves several files, which may differ.
        """
        if self._kind == "csv" and self._given and not self.has(name):
            other = other_delimiter(self.path, self._dialect, name, [])
            if other:
                logger.warning("%s is separated by %ss: ignoring %s for it", self.path, other, self._delimiter_key)
                self._dialect["delimiter"] = DELIMITERS[other]
                self.columns = self._columns()
        return self

    def has(self, name: str) -> bool:
        """Tell whether there is a column of this name.

        Every JSON line names its own columns: if none of the first lines has this one, all are looked at.
        """
        if name not in self.columns and not self._all_seen:
            self.columns, self._all_seen = self._keys(None), True
        return name in self.columns

    def records(self, wanted: Iterable[str], *, progress: bool = False) -> tuple[Numbered, Callable[[Any], Any]]:
        """Return numbered raw rows, and the function that turns one into a record or finds it unusable."""
        if self._kind == "parquet":
            return parquet_rows(self.path, list(dict.fromkeys(wanted))), lambda row: row
        if self._kind == "jsonl":
            return read_lines(self.path, progress=progress), parse_record
        rows = csv_rows(self.path, self._dialect, progress)
        _, header = next(rows)
        return rows, partial(csv_record, header)

    def missing(self, raw: str, name: str, key: str) -> SettingsError:
        """Return the error for a missing column needed for `name`; the setting `key` maps columns."""
        if not self.columns:
            return SettingsError(
                f"{self.path} has no line with a JSON object: write one object per line, with a key per column."
            )
        other = other_delimiter(self.path, self._dialect, raw, self.columns) if self._kind == "csv" else None
        if other:
            between = next(name for name, character in DELIMITERS.items() if character == self._dialect["delimiter"])
            return SettingsError(
                f"{self.path} has no column {raw!r}: its cells seem to be separated by {other}s, not by {between}s; "
                f"set --{self._delimiter_key}={other}."
            )
        return SettingsError(
            f"{self.path} has no column {raw!r} for {name} among {', '.join(self.columns)}: map it, as in "
            f"--{key}={mapped(name, raw, self.columns)}."
        )

    def _columns(self) -> list[str]:
        if self._kind == "parquet":
            return list(open_table(self.path).schema_arrow.names)
        if self._kind == "jsonl":
            _, first = next(read_lines(self.path), (0, b""))
            if first.lstrip().startswith(b"["):
                raise ValueError(
                    f"{self.path} is a JSON array: write one object per line instead (JSON lines), for example with "
                    f"jq -c '.[]' {self.path} > NAME.jsonl"
                )
            return self._keys(_LOOKED_AT)
        _, header = next(csv_rows(self.path, self._dialect, False), (0, []))
        if not header:
            raise ValueError(f"{self.path} is empty: its first line must name the columns.")
        return header

    def _keys(self, at_most: int | None) -> list[str]:
        """Return the keys of the first JSON lines, or of all."""
        lines = itertools.islice(read_lines(self.path), at_most)
        records = usable(lines, parse_record, LineCount(self.path))
        return list(dict.fromkeys(map(str, itertools.chain.from_iterable(records))))


Table = Union[RawTable, "FrameTable"]
"""Rows with named columns, in a file or in memory."""


def table_interactions(
    table: Table,
    columns: Mapping[str, str],
    *,
    key: str = "columns",
    time_unit: str = "s",
    rating: bool = False,
    timed: bool = True,
    progress: bool = False,
) -> Rows:
    """Return the interactions of a table, in table order.

    Args:
        table: one interaction per row.
        columns: the table's column for `user_id`, `item_id`, `timestamp` and `rating`; default: the same name.
        key: the setting for `columns`, used in messages.
        time_unit: unit of numbers in the time column, one of `TIME_UNITS`.
        rating: keep ratings.
        timed: whether the rows have times.
        progress: show a progress bar.

    Raises:
        SettingsError: for a missing column or an unknown unit.
    """
    if time_unit not in TIME_UNITS:
        raise unknown_name("time_unit", time_unit, TIME_UNITS)
    cells: dict[str, Cell] = {USER: partial(identifier, what="user"), ITEM: partial(identifier, what="item")}
    if timed:
        cells[TIME] = partial(seconds, per_second=TIME_UNITS[time_unit])
    if rating:
        cells[RATING] = number
    valid = [_name(column) for column in (USER, ITEM, TIME, RATING)]
    for name in columns:
        if name not in valid:
            raise unknown_name(f"entry of {key}", name, valid)
    found = {column: (columns.get(_name(column), _name(column)), cell) for column, cell in cells.items()}
    return _rows(table, found, key, progress)


def table_items(
    table: Table,
    columns: Mapping[str, str],
    *,
    key: str = "item_columns",
    kept: Collection[str] = (),
    progress: bool = False,
) -> Rows:
    """Return the items of a table, in table order.

    Args:
        table: one item per row.
        columns: the table's column for `item_id`, the names in `TEXTS`, and any others, which are kept as text. The
            former default to the column of the same name, if there is one.
        key: the setting for `columns`, used in messages.
        kept: further columns of the table to keep as text under their own names, if present.
        progress: show a progress bar.

    Raises:
        SettingsError: for a missing column, or a column name not allowed in an atomic file.
    """
    for name in columns:
        if not name.isidentifier():
            raise SettingsError(f"{key}: {name!r} cannot name a column: use only letters, digits and _.")
    cells: dict[str, tuple[str, Cell]] = {ITEM: (columns.get("item_id", "item_id"), partial(identifier, what="item"))}
    for column in TEXTS:
        name = _name(column)
        if name in columns or table.has(name):
            cells[column] = (columns.get(name, name), CELLS[name])
    known = {_name(column) for column in cells}
    further = {**{name: name for name in kept if table.has(name)}, **columns}
    cells |= {f"{name}:token": (raw, plain_text) for name, raw in further.items() if name not in known}
    return _rows(table, cells, key, progress)


def _rows(table: Table, cells: dict[str, tuple[str, Cell]], key: str, progress: bool) -> Rows:
    """Return rows with the columns `cells`, each computed from one of the table's columns."""
    for column, (raw, _) in cells.items():
        if not table.has(raw):
            raise table.missing(raw, _name(column), key)
        refuse_repeated(table.path, raw, table.columns)
    count = LineCount(table.path, unit=table.unit)
    raws, makers = zip(*cells.values())
    numbered, as_record = table.records(raws, progress=progress)

    def make(line: Any) -> tuple[str, ...]:
        record = as_record(line)
        return row_of(tuple(cells), [plain_number(record.get(raw)) for raw in raws], makers, count)

    return Rows(tuple(cells), usable(numbered, make, count), count)


def _name(column: str) -> str:
    return column.partition(":")[0]
