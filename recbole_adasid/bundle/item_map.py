"""Item maps: the item behind each number in files keyed by numbers, as LC-Rec and similar projects write them.

Lines of item token, tab, number; no header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from recbole_adasid.io.atomic import write_atomically

_BREAKS = re.compile(r"[\t\r\n]")


def write_item_map(path: Path, numbers: Mapping[str, int]) -> Path:
    """Write the numbers of items, one item per line.

    Raises:
        ValueError: for an item token that does not fit into a line.
    """
    check_fits_a_cell(numbers, path)
    return write_atomically(path, "".join(f"{token}\t{number}\n" for token, number in numbers.items()))


def read_item_map(path: Path) -> dict[str, int]:
    """Return the numbers by item token, ordered by number.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the first line that is not an item and number, or repeats either.
    """
    numbers: dict[str, int] = {}
    token_of: dict[int, str] = {}
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip("\r"):
            continue
        token, tab, number = text.rstrip("\r").rpartition("\t")
        if not tab or not token or not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise ValueError(
                f"{path}, line {line} is not an item token, tab and number: write lines such as B000TOKEN\t0"
            )
        if token in numbers or int(number) in token_of:
            raise ValueError(f"{path}, line {line} repeats the item {token!r} or the number {number}: keep one of each")
        numbers[token] = int(number)
        token_of[int(number)] = token
    if not numbers:
        raise ValueError(f"{path} names no items: write lines of item token, tab and number")
    return {token_of[number]: number for number in sorted(token_of)}


def fits_a_cell(token: str) -> bool:
    """Tell whether an item token fits into a tab-separated text file."""
    return bool(token) and not _BREAKS.search(token)


def check_fits_a_cell(tokens: Iterable[str], path: Path) -> None:
    """Check that item tokens fit into a tab-separated text file.

    Raises:
        ValueError: naming the first that is empty, or contains a tab or a line break.
    """
    for token in tokens:
        if not fits_a_cell(token):
            raise ValueError(
                f"the item token {token!r} does not fit into {path}, which separates cells by tabs and items by line "
                "breaks: export to another format, or rename the item"
            )


def row_numbers(tokens: Sequence[str]) -> dict[str, int]:
    """Return item numbers counted from 0 in order."""
    return {token: row for row, token in enumerate(tokens)}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}): save the item map as UTF-8") from None
