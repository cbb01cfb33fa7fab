"""Human-readable item labels: title and category. They affect no computation except filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from recbole_adasid.data.item_table import ITEM_COLUMN
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import entry_a_line, parse_json


class ItemLabel(NamedTuple):
    """Texts from the `.item` file; empty if there is none."""

    title: str = ""
    category: str = ""


def labels_of(
    table: Mapping[str, Sequence[str]] | None, tokens: Sequence[str], *, title_field: str, category_field: str
) -> list[ItemLabel]:
    """Return the labels of items, from the columns of an `.item` file; empty for missing columns."""
    if table is None:
        return [ItemLabel()] * len(tokens)
    row_of = {token: row for row, token in enumerate(table[ITEM_COLUMN])}
    columns = [table.get(field) for field in (title_field, category_field)]
    rows = (row_of.get(token) for token in tokens)
    return [ItemLabel(*("" if row is None or not column else column[row] for column in columns)) for row in rows]


def write_labels(path: Path, tokens: Sequence[str], labels: Sequence[ItemLabel]) -> Path:
    """Write `{item token: {"title": …, "category": …}}`, one item per line, in the order of ``tokens``."""
    return write_atomically(path, entry_a_line(zip(tokens, (label._asdict() for label in labels))))


def read_labels(path: Path, tokens: Sequence[str] | None = None) -> dict[str, ItemLabel]:
    """Read what :func:`write_labels` wrote; empty if there is no such file, which is optional.

    Args:
        path: the file.
        tokens: the expected items, in this order; None: any.

    Raises:
        ValueError: if the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        labels = {token: ItemLabel(texts["title"], texts["category"]) for token, texts in found.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no titles and categories ({error}): restore the run's original file") from None
    if not all(isinstance(text, str) for label in labels.values() for text in label):
        raise ValueError(f"{path} holds titles or categories that are not strings: restore the run's original file")
    if tokens is not None and list(labels) != list(tokens):
        raise ValueError(f"{path} does not list the run's {len(tokens)} items: restore the run's original file")
    return labels
