"""The three layouts of Amazon reviews and metadata (2014, 2018, 2023): records to rows of cells."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recbole_adasid.data.convert.cell_values import (
    category_paths,
    clean_text,
    first_url,
    identifier,
    number,
    price,
    unix_seconds,
)
from recbole_adasid.data.convert.counting import LineCount
from recbole_adasid.data.convert.rows import RATING, TEXTS, cells

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """The keys of one crawl.

    Attributes:
        user, item, time, rating: keys of a review.
        per_second: units of `time` per second.
        marks: keys that occur only in this crawl's metadata.
        texts: maps a metadata record to the values for the cells of `TEXTS`.
    """

    user: str
    item: str
    time: str
    rating: str
    per_second: int
    marks: frozenset[str]
    texts: Callable[[Record], tuple[Any, ...]]


def texts_2014(record: Record) -> tuple[Any, ...]:
    """Return title, brand, categories, price and image URLs of a record of 2014; categories are a list of paths."""
    values = (record.get(key) for key in ("title", "brand", "categories", "price"))
    return (*values, [record.get("imUrl")])


def texts_2018(record: Record) -> tuple[Any, ...]:
    """Return the same of a record of 2018: one path, prices such as "$12.99" or markup, lists of images."""
    values = (record.get(key) for key in ("title", "brand", "category", "price"))
    return (*values, [*_as_list(record.get("imageURLHighRes")), *_as_list(record.get("imageURL"))])


def texts_2023(record: Record) -> tuple[Any, ...]:
    """Return the same of a record of 2023: the brand is from the details, else the store; a path may be missing."""
    brand, categories = _details(record).get("Brand"), record.get("categories")
    return (
        record.get("title"),
        brand if clean_text(brand) else record.get("store"),
        categories if category_paths(categories) else record.get("main_category"),
        record.get("price"),
        list(_images(record.get("images"))),
    )


LAYOUTS = {
    "2014": Layout(
        *("reviewerID", "asin", "unixReviewTime", "overall"),
        per_second=1,
        marks=frozenset({"categories", "imUrl", "salesRank", "related"}),
        texts=texts_2014,
    ),
    "2018": Layout(
        *("reviewerID", "asin", "unixReviewTime", "overall"),
        per_second=1,
        marks=frozenset({"category", "imageURL", "imageURLHighRes", "main_cat", "feature", "also_buy", "rank"}),
        texts=texts_2018,
    ),
    "2023": Layout(
        *("user_id", "parent_asin", "timestamp", "rating"),
        per_second=1000,
        marks=frozenset({"parent_asin", "store", "main_category", "images", "details"}),
        texts=texts_2023,
    ),
}


def interaction(record: Record, layout: Layout, with_rating: bool, count: LineCount) -> tuple[str, ...]:
    """Return a review's user, item and time in seconds, and its rating if requested.

    Raises:
        Unusable: if one of the first three is missing.
    """
    row = (
        identifier(record.get(layout.user), "user"),
        identifier(record.get(layout.item), "item"),
        unix_seconds(record.get(layout.time), layout.per_second),
    )
    return (*row, *cells((RATING,), [record.get(layout.rating)], [number], count)) if with_rating else row


def item(record: Record, layout: Layout, count: LineCount) -> tuple[str, ...]:
    """Return an item's token and the cells of `TEXTS`.

    Raises:
        Unusable: if there is no item.
    """
    token = identifier(record.get(layout.item), "item")
    return (token, *cells(TEXTS, layout.texts(record), _CELLS, count))


def _title(value: Any) -> str:
    return "" if _is_script(value) else clean_text(value)


_CELLS = (_title, clean_text, category_paths, price, first_url)


def _is_script(title: Any) -> bool:
    """Tell whether a title is left-over JavaScript from the product page, as some are in 2018."""
    return isinstance(title, str) and "(new Date()).getTime()" in title


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _details(record: Record) -> Record:
    details = record.get("details")
    if isinstance(details, str):  # JSON in the copy on Hugging Face
        try:
            details = json.loads(details)
        except (ValueError, RecursionError):
            return {}
    return details if isinstance(details, dict) else {}


def _images(value: Any) -> Iterator[Any]:
    """Yield URLs, best first: the large picture is enough for any encoder and smaller than the full one."""
    if isinstance(value, dict):  # the copy on Hugging Face turns the list of dicts into a dict of lists
        lists = [_as_list(value.get(size)) for size in _SIZES]
        value = [dict(zip(_SIZES, one)) for one in itertools.zip_longest(*lists)]
    for picture in _as_list(value):
        if isinstance(picture, dict):
            yield from (picture.get(size) for size in _SIZES)
        elif isinstance(picture, str):
            yield picture


_SIZES = ("large", "hi_res", "thumb")
