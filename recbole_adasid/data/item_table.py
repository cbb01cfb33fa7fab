"""The item table: the columns of a RecBole `.item` file, every cell as written.

RecBole's own reader is not used: it reads "NA" as missing and breaks on a title with an opening quote.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from recbole_adasid.data.atomic_text import AtomicText, Column

logger = logging.getLogger(__name__)

ITEM_COLUMN = "item_id"


def read_item_table(
    source: AtomicText, *, item_field: str = ITEM_COLUMN, repeated: bool = False
) -> dict[str, list[str]]:
    """Read an `.item` file into its columns, every cell as written; the item column is called `ITEM_COLUMN`.

    Args:
        source: the file.
        item_field: its item column.
        repeated: keep all rows of an item instead of refusing a second one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is invalid, or an item appears twice and must not.
    """
    if not source.path.is_file():
        raise FileNotFoundError(
            f"There is no item table {source.path}: add one for text features, or set a feature file."
        )
    names = list(source.check([Column(item_field, key="ITEM_ID_FIELD")]))
    rows = source.rows()
    next(rows)
    columns: list[list[str]] = [[] for _ in names]
    line_of: dict[str, int] = {}
    place = names.index(item_field)
    for line, cells in rows:
        first = line_of.setdefault(cells[place], line)
        if first != line and not repeated:
            raise ValueError(f"{source.path}, line {line} repeats item '{cells[place]}' of line {first}: keep one.")
        for column, cell in zip(columns, cells):
            column.append(cell)
    return {**dict(zip(names, columns)), ITEM_COLUMN: columns[place]}


def rows_of_items(table: Mapping[str, Sequence[str]], tokens: Collection[str]) -> dict[str, list[str]]:
    """Return the columns of an item table for the given items only, in the table's order."""
    wanted = set(tokens)
    rows = [row for row, token in enumerate(table[ITEM_COLUMN]) if token in wanted]
    return {name: [column[row] for row in rows] for name, column in table.items()}


def missing_column(key: str, field: str, others: Sequence[str], where: str, named: Sequence[str] = ()) -> str:
    """Return the error message for a setting that names a missing column.

    Args:
        key: the setting.
        field: the column that it names.
        others: the table's columns besides the items' own.
        where: the table, in words.
        named: columns that the setting names otherwise.
    """
    free = [name for name in others if name not in named]
    close = get_close_matches(str(field), free, n=1) or free
    if close:
        remedy = f"did you mean {' or '.join(map(repr, close))}?"
    else:
        remedy = "leave it out." if others else "there is no column but the items' own, so add it."
    return f"{key} names the column {field!r}, which {where} lacks: {remedy}"
