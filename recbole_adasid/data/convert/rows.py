"""Streams of rows on their way into an atomic file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from recbole_adasid.data.convert.counting import LineCount

USER, ITEM, TIME, RATING = "user_id:token", "item_id:token", "timestamp:float", "rating:float"
TEXTS = ("title:token", "brand:token", "categories:token", "price:float", "image_url:token")


@dataclass(frozen=True)
class Rows:
    """Rows of cells under the columns of an atomic file, and the count of the lines that they are made of.

    Attributes:
        columns: `name:type` each. Interactions begin with user, item and time, items with the item.
        rows: a cell for each column; it is read once.
        lines: fills as the rows are read.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]
    lines: LineCount


def mapped(name: str, raw: str, there: Sequence[str]) -> str:
    """Return what to write on a command line so that `name` stands for the column that `raw` may have meant."""
    near = (get_close_matches(raw, there, n=1) or [*there[:1], "its own name"])[0]
    quoted = near if re.fullmatch(r"\w[\w .-]*", near) else "'" + near.replace("'", "''") + "'"
    return f'"{{{name}: {quoted}}}"'


def cells(
    columns: Sequence[str], values: Sequence[Any], makers: Sequence[Callable[[Any], str]], count: LineCount
) -> tuple[str, ...]:
    """Return the cells that some values of a line become, and count those that are left empty though there is a value.

    Args:
        columns: `name:type` each.
        values: as they were read.
        makers: what makes a cell of each; an empty one stands for what says nothing.
        count: of the lines.

    Raises:
        Unusable: if one of the values leaves no row.
    """
    row = tuple([make(value) for make, value in zip(makers, values)])
    if "" in row:
        count.note_emptied([column.partition(":")[0] for column in columns], values, row)
    return row
