"""Tables of a shop, whose columns have names of their own."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items

COLUMNS = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}
ITEM_COLUMNS = {"item_id": "sku", "title": "name", "colour": "Farbe"}


def converted(
    folder: Path, inter: Path, item: Path | None = None, quotes: bool | None = None, **options: object
) -> Report:
    interactions = table_interactions(RawTable(inter, None, quotes), COLUMNS, **options)
    items = None if item is None else table_items(RawTable(item, None, quotes), ITEM_COLUMNS)
    return convert(interactions, items, folder / "shop", overwrite=True)
