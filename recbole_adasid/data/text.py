"""Item text: the columns of a RecBole `.item` file rendered into one line an item.

RecBole's own reader is not used for text: it reads "NA" as missing and breaks on a title that opens a quote.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

logger = logging.getLogger(__name__)

ITEM_COLUMN = "item_id"
# Several category paths of one item stand in one cell, joined by this; the first is the main one.
_PATH_SEPARATOR = " | "


def read_item_table(path: str | Path) -> dict[str, list[str]]:
    """Read a tab-separated `.item` file (header `name:type`) into its columns, every cell as it is written.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if there is no item column, a row has too many or too few cells, or an item stands twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no item table {path}: text features need one; or name a feature file.")
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file if line.strip("\r\n")]
    names = [cell.split(":")[0] for cell in rows[0]] if rows else []
    if ITEM_COLUMN not in names:
        raise ValueError(f"{path} has the columns {names}: one of them has to be {ITEM_COLUMN}.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise ValueError(
                f"{path}, row {number}: {len(row)} cells for {len(names)} columns: separate cells by one tab."
            )
    table = {name: [row[column] for row in rows[1:]] for column, name in enumerate(names)}
    if len(set(table[ITEM_COLUMN])) < len(table[ITEM_COLUMN]):
        seen: set[str] = set()
        twice = next(item for item in table[ITEM_COLUMN] if item in seen or seen.add(item))  # type: ignore[func-returns-value]
        raise ValueError(f"{path} lists item '{twice}' more than once: keep one row an item.")
    return table


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
            close = get_close_matches(field, table, n=1) or [c for c in table if c != ITEM_COLUMN]
            raise ValueError(
                f"text_fields names the column '{field}', which the .item file lacks: "
                f"did you mean {' or '.join(repr(name) for name in close)}?"
            )
    row_of = {item: row for row, item in enumerate(table[ITEM_COLUMN])}
    texts = ["" if token not in row_of else _render(table, row_of[token], template_fields) for token in item_tokens]
    if empty := texts.count(""):
        logger.warning("%d of %d items have no text: their features say nothing", empty, len(texts))
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
