"""Item text: columns of an item table rendered into one line per item."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from string import Formatter
from typing import Optional

from recbole_adasid.data.item_table import ITEM_COLUMN, missing_column

logger = logging.getLogger(__name__)

# One cell may hold several category paths of an item, joined by this; the first is the main one.
_PATH_SEPARATOR = " | "
_EXAMPLES = {"text_fields": "", "text_template": " in braces, such as Title: {title}"}

Part = tuple[str, Optional[str]]
"""Literal text and the column whose cell follows it, if any."""


def render_texts(
    table: dict[str, list[str]],
    item_tokens: Sequence[str],
    fields: Sequence[str],
    template: str | None = None,
) -> list[str]:
    """Render each item's fields as `Title: …; Brand: …; Categories: {first path}; Price: …;`, in the given order.

    The label is the column's name. Empty fields are skipped. A template, such as `Title: {title} Brand: {brand}`, is
    filled in instead; empty fields leave nothing. An item without any text gets an empty string, and a warning counts
    them. The result has one text for each of `item_tokens` [N].

    Raises:
        ValueError: if a field is not a column of the table, no field is given, or the template is not well formed.
    """
    key, parts = _parts(fields, template)
    named = _columns_of(parts)
    if not named:
        raise ValueError(f"{key} is empty: name at least one text column of the .item file{_EXAMPLES[key]}.")
    for field in named:
        check_column(table, key, field, named)
    row_of = {item: row for row, item in enumerate(table[ITEM_COLUMN])}
    write = _fields_with_text if template is None else _filled_in
    texts = ["" if token not in row_of else write(table, row_of[token], parts) for token in item_tokens]
    if empty := texts.count(""):
        first = item_tokens[texts.index("")]
        logger.warning(
            "%d of %d items have no text, first '%s': their features carry no information", empty, len(texts), first
        )
    if idle := len(row_of.keys() - set(item_tokens)):
        logger.info("%d items of the .item file have no interactions: they get no Semantic ID", idle)
    return texts


def text_columns(fields: Sequence[str] | None, template: str | None) -> tuple[str, list[str]]:
    """Return which of `text_fields` and `text_template` defines the texts, and the columns that it names.

    Raises:
        ValueError: if the template is not well formed.
    """
    key, parts = _parts(fields, template)
    return key, _columns_of(parts)


def _parts(fields: Sequence[str] | None, template: str | None) -> tuple[str, list[Part]]:
    return ("text_fields", _labelled(fields or [])) if template is None else ("text_template", _parsed(template))


def _columns_of(parts: Sequence[Part]) -> list[str]:
    return [field for _, field in parts if field is not None]


def _labelled(fields: Sequence[str]) -> list[Part]:
    return [(f"{str(field).replace('_', ' ').capitalize()}: ", field) for field in fields]


def _parsed(template: str) -> list[Part]:
    """Return the parts of a template."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"text_template={template!r}: {error}; write {{column}}, and {{{{ for a brace.") from error
    for _, field, form, conversion in parts:
        if form or conversion or field == "":
            raise ValueError(f"text_template={template!r}: put only a column name in braces.")
    return [(text, field) for text, field, _, _ in parts]


def check_column(table: dict[str, list[str]], key: str, field: str, named: Sequence[str] = ()) -> None:
    """Check that a column named by the setting `key` exists in the table.

    Raises:
        ValueError: if not, listing the columns that exist besides those in `named`.
    """
    if field not in table:
        others = [name for name in table if name != ITEM_COLUMN]
        raise ValueError(missing_column(key, field, others, "the item table (.item, or that of new items)", named))


def _fields_with_text(table: dict[str, list[str]], row: int, parts: Sequence[Part]) -> str:
    cells = ((label, _cell(table, row, field)) for label, field in parts)
    return " ".join(f"{label}{text};" for label, text in cells if text)


def _filled_in(table: dict[str, list[str]], row: int, parts: Sequence[Part]) -> str:
    cells = [_cell(table, row, field) for _, field in parts]
    return "".join(text + cell for (text, _), cell in zip(parts, cells)).strip() if any(cells) else ""


def _cell(table: dict[str, list[str]], row: int, field: str | None) -> str:
    if field is None:
        return ""
    text = table[field][row].strip()
    return text.split(_PATH_SEPARATOR)[0].strip() if field == "categories" else text
