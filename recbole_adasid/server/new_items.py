"""Converts the items of a request to the columns of an item table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.convert.cleaning import CELLS, plain_text
from recbole_adasid.data.item_table import ITEM_COLUMN
from recbole_adasid.server.requests import Cell, NewItem
from recbole_adasid.serving.change_items import own_columns


def table_of(items: Sequence[NewItem], run: Mapping[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns of an item table, and the given fields that the run does not read.

    Args:
        items: items of a request; their fields are columns of the run's `.item` file, or of the table it was made from.
        run: settings of the run.
    """
    rows = [one.model_extra or {} for one in items]
    given = {name for row in rows for name in row}
    table, ignored = {ITEM_COLUMN: [one.item for one in items]}, set(given)
    for column in own_columns(run):
        raw = _original_name(column, run)
        for name in (column, raw):
            if name in given:
                table[column] = [cell(row.get(name), column, raw=name == raw) for row in rows]
                ignored.discard(name)
                break
    return table, sorted(ignored)


def _original_name(column: str, run: Mapping[str, Any]) -> str | None:
    """Return a column's name in the table that the run's `.item` file was made from; None: it was not in one."""
    names = run.get("items_columns") or {}
    unmapped = column if column in CELLS and (names or run.get("items_table")) else None
    return names.get(column, unmapped)


def no_fields(columns: Sequence[str], ignored: Sequence[str]) -> str:
    """Return the error for items without any of the fields that the run reads."""
    others = f"; it does not read {', '.join(ignored)}" if ignored else ""
    return f"the items have no {' or '.join(columns)}, which the run reads{others}: give one of them, or features"


def cell(value: Cell, column: str, *, raw: bool = False) -> str:
    """Return a value as it is written in an `.item` file.

    Args:
        value: as given.
        column: of the `.item` file.
        raw: the value is from the table that the file was made from, so it is converted like the table's.
    """
    if raw or column in CELLS and not isinstance(value, str):
        return CELLS.get(column, plain_text)(value)
    if value is None:
        return ""
    return " ".join(value) if isinstance(value, list) else str(value)


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
