"""Streams of rows to be written into an atomic file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.counting import LineCount
from recbole_adasid.settings.errors import SettingsError

USER, ITEM, TIME, RATING = "user_id:token", "item_id:token", "timestamp:float", "rating:float"
TEXTS = ("title:token", "brand:token", "categories:token", "price:float", "image_url:token")


@dataclass(frozen=True)
class Rows:
    """Rows of cells under the columns of an atomic file, and the counts of their source lines.

    Attributes:
        columns: `name:type` each. Interactions start with user, item and time, items with the item.
        rows: a cell per column; can be iterated once.
        lines: fills as the rows are read.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]
    lines: LineCount


def mapped(name: str, raw: str, there: Sequence[str]) -> str:
    """Return the command-line mapping of `name` to the column that `raw` may have meant."""
    near = nearest_column(raw, there)
    quoted = near if re.fullmatch(r"\w[\w .-]*", near) else "'" + near.replace("'", "''") + "'"
    return f'"{{{name}: {quoted}}}"'


def nearest_column(raw: str, there: Sequence[str]) -> str:
    """Return the column that `raw` may have meant."""
    return (get_close_matches(raw, there, n=1) or [*there[:1], "its own name"])[0]


def refuse_repeated(path: Path | str, raw: str, there: Sequence[str]) -> None:
    """Check that only one column has the name ``raw``, so that it is clear which is meant.

    Raises:
        SettingsError: if several have.
    """
    if there.count(raw) > 1:
        raise SettingsError(f"{path} has {there.count(raw)} columns named {raw!r}: rename all but the one to read.")


def cells(
    columns: Sequence[str], values: Sequence[Any], makers: Sequence[Callable[[Any], str]], count: LineCount
) -> tuple[str, ...]:
    """Return the cells made from the values of a line, and count those left empty although there is a value.

    Args:
        columns: `name:type` each.
        values: as read.
        makers: function that makes each cell; an empty cell means no content.
        count: of the lines.

    Raises:
        Unusable: if one of the values makes the row unusable.
    """
    row = tuple([make(value) for make, value in zip(makers, values)])
    if "" in row:
        count.note_emptied([column.partition(":")[0] for column in columns], values, row)
    return row
