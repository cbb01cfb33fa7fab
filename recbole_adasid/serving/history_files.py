"""Files of histories, and of recommendations after them: lines of JSON, or tables of Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recbole_adasid.io.atomic import check_writable, write_atomically, written_whole
from recbole_adasid.io.json_file import parse_json
from recbole_adasid.io.one_line import first_line
from recbole_adasid.io.parquet import open_parquet, require_pyarrow
from recbole_adasid.io.text_file import read_text_lines

HISTORY = "history"
ITEMS, SCORES, TITLES = "items", "scores", "titles"
_NO_HISTORY = {
    False: '{path}, line {number} is not a list of item tokens: write ["a", "b"] or {{"history": ["a", "b"]}}',
    True: "{path}, row {number} has no list of item tokens as history: give a list of strings",
}


def read_histories(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file, each with a list of item tokens as ``history``.

    Args:
        path: a table if it ends in .parquet, otherwise lines of JSON, which may be just the lists.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or naming the first line or row that holds anything else.
    """
    records = _rows(path) if _is_parquet(path) else _lines(path)
    for number, record in enumerate(records, start=1):
        history = record.get(HISTORY)
        if not isinstance(history, list) or not all(isinstance(token, str) for token in history):
            raise ValueError(_NO_HISTORY[_is_parquet(path)].format(path=path, number=number))
    return records


def check_place(path: Path) -> None:
    """Check, before long work, that recommendations can be written to ``path``.

    Raises:
        CannotWrite: if not.
        ImportError: naming the extra, for a table without pyarrow.
        IsADirectoryError: if it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file for the recommendations")
    if _is_parquet(path):
        require_pyarrow(path)
    check_writable(path)


def check_fields(path: Path, out: Path, records: Sequence[dict[str, Any]]) -> None:
    """Check, before long work, that a file can hold what records have besides their histories.

    Args:
        path: the file that the records are from.
        out: the file of recommendations.
        records: the records.

    Raises:
        ValueError: naming the first field that has the name of a result, or that a table cannot hold.
    """
    for number, record in enumerate(records, start=1):
        for name in (ITEMS, SCORES, TITLES):
            if name in record:
                raise ValueError(
                    f"{path}, {'row' if _is_parquet(path) else 'line'} {number} has a field {name!r}, which is the "
                    "name of a result: rename it"
                )
    if _is_parquet(out):
        _table(out, [{name: value for name, value in record.items() if name != HISTORY} for record in records])


def write_recommendations(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write a record per history, to a table if ``path`` ends in .parquet.

    Raises:
        CannotWrite: if the disk is full.
        ValueError: as from :func:`check_fields`.
    """
    if not _is_parquet(path):
        lines = (json.dumps(result, ensure_ascii=False, default=str) + "\n" for result in results)  # dates of tables
        write_atomically(path, "".join(lines))
        return
    _, parquet = require_pyarrow(path)
    table = _table(path, results)
    with written_whole(path) as waiting:
        parquet.write_table(table, waiting)


def _table(path: Path, records: Sequence[dict[str, Any]]) -> Any:
    """Return records as an Arrow table with a column per field that Parquet can hold."""
    pyarrow, parquet = require_pyarrow(path)
    columns, text = {}, pyarrow.list_(pyarrow.string())
    kinds = {ITEMS: text, SCORES: pyarrow.list_(pyarrow.float64()), TITLES: text}  # the same for any histories
    for name in dict.fromkeys([*(name for record in records for name in record), *kinds]):
        try:
            columns[name] = pyarrow.array([record.get(name) for record in records], kinds.get(name))
            some = pyarrow.table({name: columns[name][:0]})
            parquet.write_table(some, pyarrow.BufferOutputStream())  # it lacks types that Arrow has
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{path} cannot hold the field {name!r} of the histories ({first_line(error)}): give all of them "
                "values of one type, leave it out, or write lines of JSON"
            ) from None
    return pyarrow.table(columns)


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def _lines(path: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(read_text_lines(path), start=1):
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number} is not JSON ({error}): write one list of items per line") from None
        records.append(entry if isinstance(entry, dict) else {HISTORY: entry})
    return records


def _rows(path: Path) -> list[dict[str, Any]]:
    pyarrow, _ = require_pyarrow(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: correct the path.")
    try:
        return open_parquet(path, (HISTORY,)).read().to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({first_line(error)}): re-create the file") from None
