"""Implementation of `recbole-adasid convert`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.amazon_files import convert_amazon
from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items
from recbole_adasid.settings.errors import SettingsError


def convert_raw(kind: str, given: Mapping[str, Any]) -> Report:
    """Write the atomic files of a dataset and return a report.

    Args:
        kind: `amazon` or `table`.
        given: `out`, `name` and the options of that kind, as given to the command.
    """
    home, progress = _home(given["out"], given["name"]), given["show_progress"]
    switches = {name: given[name] for name in ("all_items", "overwrite")}
    if kind == "amazon":
        files = Path(given["reviews"]), _path(given["metadata"]), home
        return convert_amazon(*files, rating=given["rating"], progress=progress, **switches)
    form, names = (given["delimiter"], given["quotes"]), _names(given["columns"])
    interactions = table_interactions(
        RawTable(Path(given["interactions"]), *form).with_column(names.get("item_id", "item_id")),
        names,
        time_unit=given["time_unit"],
        rating=given["rating"],
        progress=progress,
    )
    path, columns = _path(given["items"]), _names(given["item_columns"])
    items = None
    if path is not None:
        table = RawTable(path, *form).with_column(columns.get("item_id", "item_id"))
        items = table_items(table, columns, progress=progress)
    return convert(interactions, items, home, **switches)


def _home(out: str, name: str) -> Path:
    if name in (".", "..") or Path(name).name != name:
        raise SettingsError(f"name={name!r} is not a folder name: remove the slashes.")
    return Path(out) / name


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _names(columns: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a column mapping with string values: YAML reads a name such as 2014 as a number."""
    return {name: str(raw) for name, raw in (columns or {}).items()}
