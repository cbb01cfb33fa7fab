"""Rows of CSV files, and quotation marks that are never closed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from recbole_adasid.data.convert.csv_rows import csv_rows, other_delimiter

COMMAS = {"delimiter": ",", "quoting": csv.QUOTE_MINIMAL}


def rows_of(folder: Path, text: str) -> list[list[str]]:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return [row for _, row in csv_rows(folder / "a.csv", COMMAS, False)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,"open\n2,x\n3,y\n', 2),
        ('a,b\n1,"open\n2,x\n3,y', 2),
        ('a,b\n"x\ny","open\n2,x\n', 3),
        ('a,b\n1,"said ""so""\n2,x\n', 2),
        ('a,b\n"The Big" one,"open\n\n\n2,x\n', 2),
        ('a,b\n1,2\n3,"', 3),
        ('a,"b\n1,2\n', 1),
    ],
)
def test_a_quotation_mark_that_is_never_closed_is_told_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ValueError, match=rf"a.csv, line {line}: a quotation mark opens a cell and is never closed"):
        rows_of(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n"The Big" one,2\n',
        'a,b\n1,"The Big" one',
        'a,b\n1,x "y\n',
        'a,b\n1,"two\nlines"',
        'a,b\n1,""""\n',
        'a,b\n1,""',
        'a,b\n1,"x"\n',
    ],
)
def test_other_quotation_marks_are_read_as_before(tmp_path: Path, text: str) -> None:
    assert rows_of(tmp_path, text) == list(csv.reader(io.StringIO(text, newline="")))


def test_a_quotation_mark_that_another_delimiter_would_open_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a|"b,c;d\n1,2\n', encoding="utf-8")
    assert other_delimiter(tmp_path / "a.csv", COMMAS, "d", ['a|"b', "c;d"]) == "semicolon"
