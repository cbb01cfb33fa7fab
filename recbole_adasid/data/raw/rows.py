"""Streams of rows on their way into an atomic file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recbole_adasid.data.raw.counting import LineCount

USER, ITEM, TIME, RATING = "user_id:token", "item_id:token", "timestamp:float", "rating:float"
TEXTS = ("title:token", "brand:token", "categories:token", "price:float", "image_url:token")


@dataclass(frozen=True)
class Rows:
    """Rows of cells under the columns of an atomic file, and the count of the lines that they are made of.

    Attributes:
        columns: `name:type` each. Interactions begin with user, item and time, items with the item.
        rows: a cell for each column; it is read once.
        lines: fills as the rows are read.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]
    lines: LineCount
