"""Interactions from files of any size, some at a time: Parquet, CSV, TSV and atomic `.inter` files.

Letters: R rows read together.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.data.parquet import first_line, open_parquet
from recbole_adasid.host.settings import SettingsError

Cells = tuple["Tokens", "Tokens", NDArray[Any]]
"""Users, items and times, the last as they are written."""
COLUMNS = ("user_id", "item_id", "timestamp")
_SMALLEST_ROW = 16  # bytes of a line with a user, an item and a time, about


class Tokens(NamedTuple):
    """A column of names, each written once."""

    codes: NDArray[np.integer]
    """Which of the names stands in each row, [R]."""
    distinct: NDArray[np.object_]
    """Names, as text."""


class Rows(NamedTuple):
    """Some interactions."""

    users: Tokens
    items: Tokens
    times: NDArray[Any]
    """int64 or float64 [R], as exact as the file has them."""


def log_paths(where: str | Path) -> list[Path]:
    """Return the files of a log: one file, or those in a folder in the order of their names.

    Raises:
        FileNotFoundError: if there is nothing.
        SettingsError: if nothing there is such a file.
    """
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(f"There is no log {path}: correct its name.")
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    chosen = [one for one in found if one.suffix in READERS]
    if not chosen:
        raise SettingsError(f"{path} has no file that ends in {', '.join(READERS)}: convert the log to one of them.")
    return chosen


def rows_at_most(path: Path) -> int:
    """Return how many interactions a file holds at most, about."""
    if path.suffix == ".parquet":
        return open_parquet(path, ()).metadata.num_rows
    return path.stat().st_size // _SMALLEST_ROW + 1


def read_log(paths: list[Path], columns: Mapping[str, str], at_once: int, *, progress: bool = False) -> Iterator[Rows]:
    """Yield the interactions of some files, in order, ``at_once`` at most together.

    Args:
        paths: of the files.
        columns: what `COLUMNS` are called in them; one that is left out has that name.
        at_once: R at most.
        progress: show a bar.

    Raises:
        SettingsError: for an unknown column.
        ValueError: if a file is damaged, or a row has no user, no item or no finite time; it is named.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise SettingsError(f"columns: {unknown[0]!r} is none of {', '.join(COLUMNS)}.")
    names = [columns.get(name, name) for name in COLUMNS]
    with tqdm(desc="reading the log", unit="row", unit_scale=True, disable=not progress) as bar:
        for path in paths:
            first = 1
            for users, items, times in READERS[path.suffix](path, names, at_once):
                _refuse_gaps(path, first, names[0], users)
                _refuse_gaps(path, first, names[1], items)
                yield Rows(users, items, _times(path, first, names[2], times))
                first += len(times)
                bar.update(len(times))


def _refuse_gaps(path: Path, first: int, name: str, column: Tokens) -> None:
    wrong = np.append(column.distinct == "", True)[column.codes]  # the code −1 stands for nothing at all
    if wrong.any():
        raise ValueError(f"{path}, row {first + int(np.argmax(wrong))} has no {name}: fill it in, or remove the row.")


def _times(path: Path, first: int, name: str, column: NDArray) -> NDArray[Any]:
    """Return times as whole numbers where all are, which float64 would round beyond 2^53."""
    if column.dtype.kind in "iu":
        return column.astype(np.int64)
    if column.dtype.kind == "O":
        if (whole := _plain_integers(column)) is not None:
            return whole
        try:
            return np.array(list(map(_whole, column)), dtype=np.int64)
        except (ValueError, OverflowError):
            column = np.array([_number(value) for value in column])
    return _finite(path, first, name, column)


def _plain_integers(column: NDArray[np.object_]) -> NDArray[np.int64] | None:
    """Return the numbers of texts in a fraction of Python's time, or None if not all of them are plain integers."""
    try:
        numbers = pd.to_numeric(column)
    except (ValueError, TypeError):
        return None
    return numbers if numbers.dtype == np.int64 else None


def _finite(path: Path, first: int, name: str, numbers: NDArray) -> NDArray[np.float64]:
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise ValueError(
            f"{path}, row {first + int(np.argmax(wrong))}: the {name} is no finite number: correct it, or convert the "
            "log by `python -m recbole_adasid.data.raw`, which also reads dates."
        )
    return numbers.astype(np.float64)


def _whole(value: Any) -> int:
    if not isinstance(value, str):  # int() would cut a decimal fraction down
        raise ValueError(value)
    return int(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _read_inter(path: Path, names: list[str], at_once: int) -> Iterator[Cells]:
    needed = [Column(name, "columns", kind) for name, kind in zip(names, ("token", "token", "float"))]
    types = AtomicText(path).check(needed)
    headers = [f"{name}:{types[name]}" for name in names]
    yield from _read_text(path, headers, at_once, sep="\t", quoting=csv.QUOTE_NONE)


def _read_csv(path: Path, names: list[str], at_once: int) -> Iterator[Cells]:
    yield from _read_text(path, names, at_once, sep=",", quoting=csv.QUOTE_MINIMAL)


def _read_tsv(path: Path, names: list[str], at_once: int) -> Iterator[Cells]:
    yield from _read_text(path, names, at_once, sep="\t", quoting=csv.QUOTE_NONE)


def _read_text(path: Path, headers: list[str], at_once: int, **form: Any) -> Iterator[Cells]:
    # Every column is parsed: with some of them alone, pandas passes over lines that have too many cells.
    kinds = defaultdict(lambda: "str", dict.fromkeys(headers[:2], "category"))
    form |= {"dtype": kinds, "na_filter": False, "encoding": "utf-8-sig", "chunksize": at_once}
    try:
        with pd.read_csv(path, **form) as reader:
            for table in reader:
                missing = [name for name in headers if name not in table]
                if missing:
                    raise ValueError(f"there is no column {missing[0]!r} among {', '.join(map(str, table))}")
                users, items = (_of_category(table[name].cat) for name in headers[:2])
                yield users, items, table[headers[2]].to_numpy(dtype=object)
    except (ValueError, pd.errors.ParserError) as error:  # UnicodeDecodeError is among these
        raise ValueError(f"{path} cannot be read as a table with {', '.join(headers)} ({error}): correct it.") from None


def _of_category(column: Any) -> Tokens:
    return Tokens(column.codes.to_numpy(), column.categories.to_numpy(dtype=object))


def _read_parquet(path: Path, names: list[str], at_once: int) -> Iterator[Cells]:
    import pyarrow
    from pyarrow import compute, types

    file = open_parquet(path, names)
    try:
        for batch in file.iter_batches(at_once, columns=names):
            users, items, times = (batch.column(name) for name in names)
            if types.is_timestamp(times.type):
                times = compute.cast(times, pyarrow.timestamp("ns", times.type.tz)).cast(pyarrow.int64())
            yield _of_arrow(users), _of_arrow(items), times.to_numpy(zero_copy_only=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({first_line(error)}): write it again.") from None


def _of_arrow(column: Any) -> Tokens:
    import pyarrow
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    encoded = column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Tokens(codes, compute.cast(encoded.dictionary, pyarrow.string()).to_numpy(zero_copy_only=False))


READERS: dict[str, Callable[[Path, list[str], int], Iterator[Cells]]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".inter": _read_inter,
}
"""How a file is read, by its ending: tokens of users, of items, and times."""
