"""Interactions from files of any size, in chunks: Parquet, CSV, TSV and atomic `.inter` files.

Letters: R rows read together.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.data.arrow_ids import tokens_of_arrow
from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.data.convert.csv_rows import csv_rows, other_delimiter
from recbole_adasid.data.convert.rows import mapped, refuse_repeated
from recbole_adasid.data.log.log_times import TimesSeen, exact_times, times_of_arrow
from recbole_adasid.io.one_line import first_line
from recbole_adasid.io.parquet import open_parquet
from recbole_adasid.settings.errors import SettingsError

Cells = tuple["Tokens", "Tokens", NDArray[Any]]
"""Users, items and times, the latter unparsed."""
COLUMNS = ("user_id", "item_id", "timestamp")
BYTES_OF_A_ROW = 600
"""Memory per row while reading: mostly text."""
_SMALLEST_ROW = 6  # bytes of a line with a user, an item and a time of one character each
_LOOKED_AT = 2**20


class Tokens(NamedTuple):
    """A column of names, each stored once."""

    codes: NDArray[np.integer]
    """Index of each row's name, [R]."""
    distinct: NDArray[np.object_]
    """Names, as strings."""


class Rows(NamedTuple):
    """Some interactions."""

    users: Tokens
    items: Tokens
    times: NDArray[Any]
    """:data:`~recbole_adasid.data.log.log_times.TIME` [R], as exact as in the file."""


def log_paths(where: str | Path) -> list[Path]:
    """Return the files of a log: one file, or those in a folder sorted by name.

    Raises:
        FileNotFoundError: if the path does not exist.
        SettingsError: if there is no supported file.
    """
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(f"There is no log {path}: correct the path.")
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    chosen = [one for one in found if one.is_file() and one.suffix.lower() in READERS]
    if not chosen:
        raise SettingsError(f"{path} has no file of type {', '.join(READERS)}: convert the log to one of them.")
    read = set(chosen)
    others = [one.name for one in found if one not in read and not one.name.startswith(("_", "."))]
    if others:  # markers such as _SUCCESS are not part of a log
        raise SettingsError(
            f"{path} also holds {', '.join(others[:3])}, but only {', '.join(READERS)} files are read: put the log's "
            "files into a folder of their own, unpacked and without subfolders."
        )
    return chosen


def rows_at_most(path: Path) -> int:
    """Return the approximate maximum number of interactions in a file."""
    if path.suffix.lower() == ".parquet":
        return open_parquet(path, ()).metadata.num_rows
    return path.stat().st_size // _SMALLEST_ROW + 1


def bytes_of_a_row(path: Path) -> int:
    """Return the approximate memory of a row while reading: text files are parsed with all columns."""
    if path.suffix.lower() == ".parquet":
        return BYTES_OF_A_ROW
    with path.open("rb") as file:
        beginning = file.read(_LOOKED_AT)
    return BYTES_OF_A_ROW + 4 * len(beginning) // (1 + beginning.count(b"\n"))


def read_log(
    paths: list[Path], columns: Mapping[str, str], at_once: int, *, key: str = "columns", progress: bool = False
) -> Iterator[Rows]:
    """Yield the interactions of some files in order, in chunks of at most ``at_once``.

    Args:
        paths: the files.
        columns: names of `COLUMNS` in them; default: the same name.
        at_once: maximum R.
        key: the setting for ``columns``, used in messages.
        progress: show a bar.

    Raises:
        SettingsError: for an unknown column.
        ValueError: if a file is damaged, or a row has no user, no item or no finite time.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise SettingsError(f"{key}: {unknown[0]!r} is not one of {', '.join(COLUMNS)}.")
    names = [columns.get(name, name) for name in COLUMNS]
    seen = TimesSeen()
    with tqdm(desc="reading the log", unit="row", unit_scale=True, disable=not progress) as bar:
        for path in paths:
            first = 1
            for users, items, times in _cells(path, names, at_once, key):
                _refuse_gaps(path, first, names[0], users)
                _refuse_gaps(path, first, names[1], items)
                rows = Rows(users, items, exact_times(path, first, names[2], times))
                yield rows
                seen.note(rows.times["whole"], path)
                first += len(times)
                bar.update(len(times))
    seen.report(names[2])


def _cells(path: Path, names: list[str], at_once: int, key: str) -> Iterator[Cells]:
    try:
        yield from READERS[path.suffix.lower()](path, names, at_once, key)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror or error}): make it readable or name another."
        ) from None


def _refuse_gaps(path: Path, first: int, name: str, column: Tokens) -> None:
    wrong = np.append(column.distinct == "", True)[column.codes]  # code −1: missing
    if wrong.any():
        raise ValueError(f"{path}, row {first + int(np.argmax(wrong))} has no {name}: fill it in, or remove the row.")


def _read_inter(path: Path, names: list[str], at_once: int, key: str) -> Iterator[Cells]:
    needed = [Column(name, key, kind) for name, kind in zip(names, ("token", "token", "float"))]
    types = AtomicText(path).check(needed)
    headers = [f"{name}:{types[name]}" for name in names]
    yield from _read_text(path, headers, at_once, sep="\t", quoting=csv.QUOTE_NONE)


def _read_csv(path: Path, names: list[str], at_once: int, key: str) -> Iterator[Cells]:
    yield from _read_table(path, names, at_once, key, sep=",", quoting=csv.QUOTE_MINIMAL)


def _read_tsv(path: Path, names: list[str], at_once: int, key: str) -> Iterator[Cells]:
    yield from _read_table(path, names, at_once, key, sep="\t", quoting=csv.QUOTE_NONE)


def _read_table(path: Path, names: list[str], at_once: int, key: str, **form: Any) -> Iterator[Cells]:
    dialect = {"delimiter": form["sep"], "quoting": form["quoting"]}
    _, header = next(csv_rows(path, dialect, False), (0, []))
    for name, raw in zip(COLUMNS, names):
        if header and raw not in header:
            other = other_delimiter(path, dialect, raw, header)
            raise SettingsError(
                f"{path} has no column {raw!r}: its cells seem to be separated by {other}s; convert the log by "
                f"`recbole-adasid convert table --delimiter={other}`."
                if other
                else _no_column(path, raw, header, name, key)
            )
        refuse_repeated(path, raw, header)
    yield from _read_text(path, names, at_once, **form)


def _no_column(path: Path, raw: str, there: list[str], name: str, key: str) -> str:
    return f"{path} has no column {raw!r} among {', '.join(there)}: map it, as in --{key}={mapped(name, raw, there)}."


def _read_text(path: Path, headers: list[str], at_once: int, **form: Any) -> Iterator[Cells]:
    # Every column is parsed: given a subset, pandas ignores surplus cells in a line.
    form |= {"dtype": str, "na_filter": False, "encoding": "utf-8-sig", "chunksize": at_once}
    try:
        with pd.read_csv(path, **form) as reader:
            for table in reader:
                if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus leading cells for the index
                    raise ValueError("its lines have more cells than columns")
                users, items, times = (table[name].to_numpy(dtype=object) for name in headers)
                yield Tokens(*pd.factorize(users)), Tokens(*pd.factorize(items)), times
    except (ValueError, pd.errors.ParserError) as error:  # includes UnicodeDecodeError
        raise ValueError(f"{path} cannot be read as a table with {', '.join(headers)} ({error}): fix it.") from None


def _read_parquet(path: Path, names: list[str], at_once: int, key: str) -> Iterator[Cells]:
    import pyarrow

    file = open_parquet(path, ())
    there = file.schema_arrow.names
    for name, raw in zip(COLUMNS, names):
        if raw not in there:
            raise SettingsError(_no_column(path, raw, there, name, key))
        refuse_repeated(path, raw, there)
    try:
        for batch in file.iter_batches(at_once, columns=names):
            users, items, times = (batch.column(name) for name in names)
            ids = (_of_arrow(column, path, name) for column, name in zip((users, items), names))
            yield next(ids), next(ids), times_of_arrow(times, path, names[2])
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({first_line(error)}): re-create the file.") from None


def _of_arrow(column: Any, path: Path, name: str) -> Tokens:
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    encoded = column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    distinct = tokens_of_arrow(encoded.dictionary, path, name)
    if types.is_floating(column.type) or types.is_null(column.type):  # NaN is no name, and 0 has two signs
        numbers, distinct = pd.factorize(distinct)
        codes = np.append(numbers, -1)[codes]
    return Tokens(codes, distinct)


READERS: dict[str, Callable[[Path, list[str], int, str], Iterator[Cells]]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".inter": _read_inter,
}
"""Readers by file suffix: tokens of users, of items, and times."""
