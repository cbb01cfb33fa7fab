"""Tables of any origin (CSV, JSON lines, Parquet), with the columns that a mapping names."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from recbole_adasid.data.raw.cleaning import category_paths, clean_text, first_url, identifier, number, price
from recbole_adasid.data.raw.cleaning import unix_seconds as seconds
from recbole_adasid.data.raw.counting import LineCount, Unusable, usable
from recbole_adasid.data.raw.lines import parse_record, read_lines, require_file
from recbole_adasid.data.raw.rows import ITEM, RATING, TEXTS, TIME, USER, Rows
from recbole_adasid.host.settings import SettingsError, unknown_name

Cell = Callable[[Any], str]
Numbered = Iterator[tuple[int, Any]]

TIME_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
# Rows of a JSON lines file whose keys are its columns.
_LOOKED_AT = 1000
_LONGEST_CELL = 1 << 22


class RawTable:
    """A file of rows with named columns.

    Attributes:
        path: the file; its ending tells the format, `.gz` after it that gzip compressed it.
        columns: the names of its columns.
    """

    def __init__(self, path: Path, delimiter: str | None = None, quotes: bool | None = None) -> None:
        """Look at the columns.

        Args:
            path: ends in .csv, .tsv, .jsonl, .ndjson, .json or .parquet.
            delimiter: between the cells of a CSV file; None: a comma, and a tab for .tsv.
            quotes: whether quotation marks enclose cells; None: they do, except in .tsv, where they are text.

        Raises:
            FileNotFoundError: if there is no such file.
            SettingsError: for another ending.
            ValueError: if the file is damaged or empty.
        """
        require_file(path)
        self.path = path
        endings = [ending.lower() for ending in path.suffixes]
        ending = endings[-2] if endings[-1:] == [".gz"] and len(endings) > 1 else endings[-1] if endings else ""
        if ending not in _KINDS:
            raise SettingsError(
                f"{path} ends in none of {', '.join(_KINDS)} (.gz may follow): rename it, or convert it to one of them."
            )
        self._kind = _KINDS[ending]
        quoted = ending != ".tsv" if quotes is None else quotes
        self._dialect = {
            "delimiter": delimiter or ("\t" if ending == ".tsv" else ","),
            "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        }
        self.columns = self._columns()

    def records(self, wanted: Iterable[str], *, progress: bool = False) -> tuple[Numbered, Callable[[Any], Any]]:
        """Return numbered raw rows, and what makes a record of one or finds it unusable."""
        if self._kind == "parquet":
            return _parquet_rows(self.path, list(dict.fromkeys(wanted))), lambda row: row
        if self._kind == "jsonl":
            return read_lines(self.path, progress=progress), parse_record
        rows = _csv_rows(self.path, self._dialect, progress)
        _, header = next(rows)
        return rows, partial(_csv_record, header)

    def _columns(self) -> list[str]:
        if self._kind == "parquet":
            return list(_parquet(self.path).schema_arrow.names)
        if self._kind == "jsonl":
            lines = itertools.islice(read_lines(self.path), _LOOKED_AT)
            records = usable(lines, parse_record, LineCount(self.path))
            return list(dict.fromkeys(map(str, itertools.chain.from_iterable(records))))
        _, header = next(_csv_rows(self.path, self._dialect, False), (0, []))
        if not header:
            raise ValueError(f"{self.path} is empty: it needs a first line that names the columns.")
        return header


def table_interactions(
    table: RawTable,
    columns: Mapping[str, str],
    *,
    time_unit: str = "s",
    rating: bool = False,
    progress: bool = False,
) -> Rows:
    """Return the interactions of a table, in its order.

    Args:
        table: of one interaction a row.
        columns: the table's column for `user_id`, `item_id`, `timestamp` and `rating`; one left out has that name.
        time_unit: of numbers in the time column, one of `TIME_UNITS`.
        rating: keep ratings.
        progress: show a progress bar.

    Raises:
        SettingsError: for a column that there is not, or an unknown unit.
    """
    if time_unit not in TIME_UNITS:
        raise unknown_name("time_unit", time_unit, TIME_UNITS)
    cells: dict[str, Cell] = {
        USER: partial(identifier, what="user"),
        ITEM: partial(identifier, what="item"),
        TIME: partial(seconds, per_second=TIME_UNITS[time_unit]),
    }
    if rating:
        cells[RATING] = number
    _refuse_unknown(columns, [_name(column) for column in (*cells, RATING)])
    return _rows(
        table, {column: (columns.get(_name(column), _name(column)), cell) for column, cell in cells.items()}, progress
    )


def table_items(table: RawTable, columns: Mapping[str, str], *, progress: bool = False) -> Rows:
    """Return the items of a table, in its order.

    Args:
        table: of one item a row.
        columns: the table's column for `item_id`, the names in `TEXTS`, and any others, which are kept as text. One
            of the former that is left out is taken from the column of that name, if there is one.
        progress: show a progress bar.

    Raises:
        SettingsError: for a column that there is not, or a name that an atomic file cannot have.
    """
    for name in columns:
        if not name.isidentifier():
            raise SettingsError(f"item_columns: {name!r} cannot name a column: use letters, digits and _ alone.")
    cells: dict[str, tuple[str, Cell]] = {ITEM: (columns.get("item_id", "item_id"), partial(identifier, what="item"))}
    for column in TEXTS:
        name = _name(column)
        if name in columns or name in table.columns:
            cells[column] = (columns.get(name, name), _CELLS[name])
    known = {_name(column) for column in cells}
    cells |= {f"{name}:token": (raw, _plain) for name, raw in columns.items() if name not in known}
    return _rows(table, cells, progress)


def _rows(table: RawTable, cells: dict[str, tuple[str, Cell]], progress: bool) -> Rows:
    """Return rows with the columns `cells`, each made by a function of one of the table's columns."""
    for column, (raw, _) in cells.items():
        if raw not in table.columns:
            near = get_close_matches(raw, table.columns, n=1) or table.columns[:1] or ["its own name"]
            raise SettingsError(
                f"{table.path} has no column {raw!r} for {_name(column)} among {', '.join(table.columns)}: map it, as "
                f'in "{{{_name(column)}: {near[0]}}}".'
            )
    count = LineCount(table.path)
    numbered, as_record = table.records((raw for raw, _ in cells.values()), progress=progress)

    def make(row: Any) -> tuple[str, ...]:
        record = as_record(row)
        return tuple([cell(_plain_number(record.get(raw))) for raw, cell in cells.values()])

    return Rows(tuple(cells), usable(numbered, make, count), count)


def _name(column: str) -> str:
    return column.partition(":")[0]


def _refuse_unknown(columns: Mapping[str, str], valid: list[str]) -> None:
    for name in columns:
        if name not in valid:
            raise unknown_name("entry of columns", name, valid)


def _plain_number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(text for text in map(_plain, value) if text)
    return clean_text(value) or number(value)


def _image(value: Any) -> str:
    return first_url(value if isinstance(value, (list, tuple)) else [value])


_CELLS: dict[str, Cell] = {
    "title": _plain,
    "brand": _plain,
    "categories": category_paths,
    "price": price,
    "image_url": _image,
}


def _csv_rows(path: Path, dialect: dict[str, Any], progress: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file, the header's first, with the number of the line that ends each.

    Raises:
        ValueError: for bytes that are not UTF-8, or a cell without end.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    place = 0

    def texts() -> Iterator[str]:
        nonlocal place
        for place, line in read_lines(path, progress=progress):
            yield line.decode("utf-8-sig" if place == 1 else "utf-8")

    try:
        for row in csv.reader(texts(), **dialect):
            yield place, row
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, line {place}: the text is not UTF-8 ({error.reason}): save it as UTF-8.") from None
    except csv.Error as error:
        raise ValueError(f"{path}, line {place}: {error}: look for a quotation mark that is never closed.") from None


def _csv_record(header: list[str], row: list[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise Unusable(f"more or fewer than {len(header)} cells")
    return dict(zip(header, row))


def _parquet(path: Path) -> Any:
    """Return an opened Parquet file.

    Raises:
        ImportError: without pyarrow.
        ValueError: if the file is none.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(
            f"{path} needs a package that cannot be imported ({error}): pip install 'recbole-adasid[parquet]', or save "
            "the table as CSV."
        ) from error
    try:
        return ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is no Parquet file, or damaged ({_first_line(error)}): save it again.") from None


def _parquet_rows(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a Parquet file with their numbers, from 1."""
    from pyarrow import ArrowException

    row = 0
    try:
        for batch in _parquet(path).iter_batches(columns=columns):
            for record in batch.to_pylist():
                row += 1
                yield row, record
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged after row {row} ({_first_line(error)}): save it again.") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
