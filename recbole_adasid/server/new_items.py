"""Converts the items of a request to the columns of an item table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.convert.cell_values import CELLS, plain_text
from recbole_adasid.data.item_table import ITEM_COLUMN
from recbole_adasid.io.checked_input import short
from recbole_adasid.server.requests import NewItem, writable
from recbole_adasid.serving.new_item_table import own_columns

_DEEPEST = 8
"""Lists in lists; a value without a limit could exhaust Python's stack."""


def table_of(items: Sequence[NewItem], run: Mapping[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns of an item table, and the given fields that the run does not read.

    Args:
        items: items of a request; their fields are columns of the run's `.item` file, or of the table it was made from.
            Of an item with both names of a column, the former counts.
        run: settings of the run.

    Raises:
        ValueError: if a field that the run reads holds what files of items cannot.
    """
    given = {name for one in items for name in one.model_extra or {}}
    table, read = {ITEM_COLUMN: [one.item for one in items]}, set[str]()
    for column in own_columns(run):
        raw = _original_name(column, run)
        if given.intersection((column, raw)):
            names = [_given_name(one, column, raw) for one in items]
            table[column] = [_cell_of(one, name, column, raw) for one, name in zip(items, names)]
            read.update(filter(None, names))
    return table, sorted(given - read)


def _given_name(item: NewItem, column: str, raw: str | None) -> str | None:
    """Return the name under which an item gives a column, None if it does not."""
    return next((name for name in (column, raw) if name is not None and name in (item.model_extra or {})), None)


def _cell_of(item: NewItem, name: str | None, column: str, raw: str | None) -> str:
    if name is None:
        return ""
    value = (item.model_extra or {})[name]
    try:
        _check(value)
    except ValueError as error:
        raise ValueError(f"the item {item.item!r} has the {name} {short(value)}: {error}") from None
    return cell(value, column, raw=name == raw)


def _check(value: Any, depth: int = 0) -> None:
    """Check the texts of a value, and how deep it is.

    Raises:
        ValueError: saying what is wrong.
    """
    if isinstance(value, str):
        writable(value)
    elif isinstance(value, list):
        if depth == _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} lists deep: give a text or a flat list")
        for entry in value:
            _check(entry, depth + 1)


def _original_name(column: str, run: Mapping[str, Any]) -> str | None:
    """Return a column's name in the table that the run's `.item` file was made from; None: it was not in one."""
    names = run.get("items_columns") or {}
    unmapped = column if column in CELLS and (names or run.get("items_table")) else None
    return names.get(column, unmapped)


def no_fields(columns: Sequence[str], ignored: Sequence[str]) -> str:
    """Return the error for items without any of the fields that the run reads."""
    others = f"; it does not read {', '.join(ignored)}" if ignored else ""
    return f"the items have no {' or '.join(columns)}, which the run reads{others}: give one of them, or features"


def cell(value: Any, column: str, *, raw: bool = False) -> str:
    """Return a value as it is written in an `.item` file.

    Args:
        value: any of JSON; one without a text, such as true, gives an empty cell.
        column: of the `.item` file.
        raw: the value is from the table that the file was made from, so it is converted like the table's.
    """
    if raw or column in CELLS and not isinstance(value, str):
        return CELLS.get(column, plain_text)(value)
    if isinstance(value, list):
        return " ".join(filter(None, (cell(entry, column) for entry in value)))
    return value if isinstance(value, str) else plain_text(value)


def vectors_of(features: Sequence[Sequence[float]] | None) -> NDArray[np.float32] | None:
    """Return the vectors of a request as an array.

    Raises:
        ValueError: if they differ in length.
    """
    lengths = {len(row) for row in features or []}
    if len(lengths) > 1:
        raise ValueError(
            f"features has vectors of {min(lengths)} to {max(lengths)} numbers: give vectors of one length"
        )
    return None if features is None else np.array(features, dtype=np.float32)
