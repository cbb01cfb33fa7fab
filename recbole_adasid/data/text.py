"""Item text: the columns of a RecBole `.item` file rendered into one line an item.

RecBole's own reader is not used for text: it reads "NA" as missing and breaks on a title that opens a quote.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import get_close_matches

from recbole_adasid.data.atomic_text import AtomicText, Column

logger = logging.getLogger(__name__)

ITEM_COLUMN = "item_id"
# Several category paths of one item stand in one cell, joined by this; the first is the main one.
_PATH_SEPARATOR = " | "


def read_item_table(source: AtomicText, *, item_field: str = ITEM_COLUMN) -> dict[str, list[str]]:
    """Read an `.item` file into its columns, every cell as it is written; the items' own is called `ITEM_COLUMN`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not sound, or an item stands twice.
    """
    if not source.path.is_file():
        raise FileNotFoundError(
            f"There is no item table {source.path}: text features need one; or name a feature file."
        )
    names = list(source.check([Column(item_field, key="ITEM_ID_FIELD")]))
    rows = source.rows()
    next(rows)
    columns: list[list[str]] = [[] for _ in names]
    line_of: dict[str, int] = {}
    place = names.index(item_field)
    for line, cells in rows:
        first = line_of.setdefault(cells[place], line)
        if first != line:
            raise ValueError(
                f"{source.path}, line {line} lists item '{cells[place]}' once more, after line {first}: keep one."
            )
        for column, cell in zip(columns, cells):
            column.append(cell)
    return {**dict(zip(names, columns)), ITEM_COLUMN: columns[place]}


def render_texts(table: dict[str, list[str]], item_tokens: Sequence[str], template_fields: Sequence[str]) -> list[str]:
    """Write each item's fields as `Title: …; Brand: …; Categories: {first path}; Price: …;`, in that order.

    The label is the column's name. Empty fields are skipped; an item without any text gives an empty string,
    and a warning says how many there are. The result has one text for each of `item_tokens` [N].

    Raises:
        ValueError: if a field is not a column of the table, or no field is given.
    """
    if not template_fields:
        raise ValueError("text_fields is empty: name at least one text column of the .item file.")
    for field in template_fields:
        if field not in table:
            others = [name for name in table if name != ITEM_COLUMN] or ["item_features_file"]
            close = get_close_matches(str(field), others, n=1) or others
            raise ValueError(
                f"text_fields names the column '{field}', which the .item file lacks: "
                f"did you mean {' or '.join(repr(name) for name in close)}?"
            )
    row_of = {item: row for row, item in enumerate(table[ITEM_COLUMN])}
    texts = ["" if token not in row_of else _render(table, row_of[token], template_fields) for token in item_tokens]
    if empty := texts.count(""):
        first = item_tokens[texts.index("")]
        logger.warning("%d of %d items have no text, first '%s': their features say nothing", empty, len(texts), first)
    if idle := len(row_of.keys() - set(item_tokens)):
        logger.info("%d items of the .item file have no interactions: they get no Semantic ID", idle)
    return texts


def _render(table: dict[str, list[str]], row: int, fields: Sequence[str]) -> str:
    parts = []
    for field in fields:
        text = table[field][row].strip()
        if field == "categories":
            text = text.split(_PATH_SEPARATOR)[0].strip()
        if text:
            parts.append(f"{field.replace('_', ' ').capitalize()}: {text};")
    return " ".join(parts)
