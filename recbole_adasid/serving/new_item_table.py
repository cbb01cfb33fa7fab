"""Tables of new items: columns like those of the run's `.item` file, made complete."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence, Set
from itertools import chain
from typing import Any

from recbole_adasid.data.convert.cell_values import CELLS, identifier, plain_text
from recbole_adasid.data.convert.counting import Unusable
from recbole_adasid.data.convert.number_formats import plain_number
from recbole_adasid.data.item_table import ITEM_COLUMN, missing_column
from recbole_adasid.features.item_features import source_columns
from recbole_adasid.io.frames import Frame, check_distinct, python_value, values

logger = logging.getLogger(__name__)

Table = Mapping[str, Sequence[str]]
"""Columns of an `.item` file by name, without types; all cells are strings."""


class MissingColumns(ValueError):
    """A table of new items has no column of a source of features.

    Args:
        message: what is missing, and how to fix the table.
        columns: the source's columns.
    """

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


def own_columns(run: Mapping[str, Any]) -> list[str]:
    """Return the columns of the `.item` file that the run's features and labels use."""
    if not run:
        return []
    labels = [run[key] for key in ("title_field", "category_field") if run.get(key)]
    return list(dict.fromkeys([*chain(*(named for _, named in source_columns(run))), *labels]))


def first_rows(table: Any, read: Collection[str]) -> dict[str, list[Any]]:
    """Return the columns of a table in memory, lists or arrays by name or a frame, with each item's first row only.

    Texts are kept as they are; other values of the columns in ``read`` and of the item column are converted like those
    of a file of products.

    Raises:
        ValueError: if there is no item column, two columns have one name, or one is not a list with a value per item.
    """
    if not hasattr(table, "items"):
        frame = Frame(table, "the table of new items")
        rows = frame.select(frame.columns)
        table = {name: values(rows[name]) for name in frame.columns}
    check_distinct([*table], "the table of new items")  # which pandas allows
    table = {name: column.to_pylist() if hasattr(column, "to_pylist") else column for name, column in table.items()}
    if ITEM_COLUMN not in table:
        raise ValueError(f"the table of new items has no column {ITEM_COLUMN!r}: rename its column of tokens to that")
    for name in (ITEM_COLUMN, *table):
        if (length := _length(table[name])) is None or length != _length(table[ITEM_COLUMN]):
            raise ValueError(f"the column {name!r} of new items has to be a list with one value per item")
    tokens = [_token(token) for token in table[ITEM_COLUMN]]
    row_of: dict[str, int] = {}
    for row, token in enumerate(tokens):
        row_of.setdefault(token, row)
    columns = {name: list(column) for name, column in table.items() if name != ITEM_COLUMN}
    found = {name: [column[row] for row in row_of.values()] for name, column in columns.items()}
    found |= {name: [_cell(value, name) for value in column] for name, column in found.items() if name in read}
    return {ITEM_COLUMN: list(row_of), **found}


def _length(column: Any) -> int | None:
    """Return the number of a column's values, or None if it is not a list of them."""
    try:
        return None if isinstance(column, (str, bytes, Mapping, Set)) else len(column)
    except TypeError:
        return None


def _token(value: Any) -> str:
    """Return an item's token; one that cannot be used is empty, which no item is called."""
    if isinstance(value, str):
        return value
    try:
        return identifier(_plain(value), "item")
    except Unusable:
        return ""


def _cell(value: Any, column: str) -> str:
    return value if isinstance(value, str) else CELLS.get(column, plain_text)(_plain(value))


def _plain(value: Any) -> Any:
    """Return what a file of products would hold."""
    return plain_number(python_value(value))


def with_absent_columns(table: Table, settings: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return the columns of new items, with an empty column for each that the run's features read and the table lacks.

    A table may lack brands, say, as an item may; but each source needs at least one column, unless
    ``missing_modality`` is allow.

    Raises:
        MissingColumns: if the table has no column of a source.
    """
    completed = dict(table)
    may_miss = bool(settings["modalities"]) and settings["missing_modality"] == "allow"
    for key, named in source_columns(settings):
        absent = [name for name in named if name not in table]
        others = [name for name in table if name != ITEM_COLUMN]
        if absent and len(absent) == len(named) and not may_miss:
            raise MissingColumns(
                f"{missing_column(key, absent[0], others, 'the table of new items', named)} Rename a column of another "
                f"name (on the command line: --columns={{{absent[0]!r}: NAME}}), or give the items' features instead "
                "of a table",
                named,
            )
        if absent:
            logger.warning(
                "The table of new items has no %s: treated as empty. If the column has another name, map it: "
                "columns={%r: NAME}.",
                *(" and no ".join(absent), absent[0]),
            )
            empty = [""] * len(table[ITEM_COLUMN])
            completed |= dict.fromkeys(absent, empty)
    return completed
