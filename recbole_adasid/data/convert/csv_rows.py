"""Rows of CSV and TSV files with their line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.counting import Unusable
from recbole_adasid.data.convert.lines import read_lines

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_LONGEST_CELL = 1 << 22


def csv_rows(path: Path, dialect: dict[str, Any], progress: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file, header first, each with the number of its last line.

    Raises:
        ValueError: for bytes that are not UTF-8, or an unterminated cell.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    place, ended = 0, False
    lines: list[int] = []  # of the row being read
    text = ""

    def texts() -> Iterator[str]:
        nonlocal place, ended, text
        for place, line in read_lines(path, progress=progress):
            lines.append(place)
            text = line.decode()
            yield text
        ended = True

    try:
        for row in csv.reader(texts(), **dialect):
            if ended:  # the reader only asks for another line while a cell is open
                rest = row[-1].count("\n") + (not text.endswith("\n"))
                raise _unclosed(path, lines[-rest])
            yield place, row
            lines.clear()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, line {place}: the text is not UTF-8 ({error.reason}): save it as UTF-8.") from None
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {place}: {error}: look for a quotation mark that is never closed, from line {lines[0]} on."
        ) from None


def _unclosed(path: Path, line: int) -> ValueError:
    return ValueError(
        f"{path}, line {line}: a quotation mark opens a cell and is never closed: close it; if quotation marks are "
        "plain text in this file, save it as .tsv, or convert it with --quotes=false."
    )


def csv_record(header: list[str], row: list[str]) -> dict[str, str]:
    """Return the cells of a row by column name.

    Raises:
        Unusable: if the number of cells differs.
    """
    if len(row) != len(header):
        raise Unusable(f"more or fewer than {len(header)} cells")
    return dict(zip(header, row))


def other_delimiter(path: Path, dialect: dict[str, Any], column: str, columns: list[str]) -> str | None:
    """Return the name of a delimiter with which the header would have a seemingly missing column, or None.

    Args:
        path: the file.
        dialect: the dialect used to read it.
        column: the missing column.
        columns: the columns found; if there is just one, any delimiter that splits it will do.
    """
    found: dict[str, list[str]] = {}
    for name, character in DELIMITERS.items():
        if character != dialect["delimiter"]:
            found[name] = _header(path, {**dialect, "delimiter": character})
    fitting = [name for name, header in found.items() if column in header]
    if not fitting and len(columns) == 1:
        fitting = [name for name, header in found.items() if len(header) > 1]
    return max(fitting, key=lambda name: len(found[name]), default=None)


def _header(path: Path, dialect: dict[str, Any]) -> list[str]:
    """Return the cells of the first line, none if they cannot be read with a delimiter that is only tried."""
    try:
        return next(csv_rows(path, dialect, False), (0, []))[1]
    except ValueError:
        return []
