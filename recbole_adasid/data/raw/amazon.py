"""The three layouts of Amazon reviews and metadata (2014, 2018, 2023), each record to a row of cells."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recbole_adasid.data.raw.cleaning import (
    category_paths,
    clean_text,
    first_url,
    identifier,
    number,
    price,
    unix_seconds,
)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """The keys of one crawl.

    Attributes:
        user, item, time, rating: keys of a review.
        per_second: units of `time` in a second.
        marks: keys that only this crawl's metadata has.
        texts: from a record of metadata to the cells of `TEXTS`.
    """

    user: str
    item: str
    time: str
    rating: str
    per_second: int
    marks: frozenset[str]
    texts: Callable[[Record], tuple[str, ...]]


def texts_2014(record: Record) -> tuple[str, ...]:
    """Return title, brand, categories, price and image URL of a record of 2014; categories are a list of paths."""
    return (
        clean_text(record.get("title")),
        clean_text(record.get("brand")),
        category_paths(record.get("categories")),
        price(record.get("price")),
        first_url([record.get("imUrl")]),
    )


def texts_2018(record: Record) -> tuple[str, ...]:
    """Return the same of a record of 2018: one path, prices such as "$12.99" or markup, lists of images."""
    return (
        "" if _is_script(record.get("title")) else clean_text(record.get("title")),
        clean_text(record.get("brand")),
        category_paths(record.get("category")),
        price(record.get("price")),
        first_url([*_as_list(record.get("imageURLHighRes")), *_as_list(record.get("imageURL"))]),
    )


def texts_2023(record: Record) -> tuple[str, ...]:
    """Return the same of a record of 2023: the brand is the details' or else the store, a path may be missing."""
    return (
        clean_text(record.get("title")),
        clean_text(_details(record).get("Brand")) or clean_text(record.get("store")),
        category_paths(record.get("categories")) or clean_text(record.get("main_category")),
        price(record.get("price")),
        first_url(_images(record.get("images"))),
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


def interaction(record: Record, layout: Layout, with_rating: bool) -> tuple[str, ...]:
    """Return a review's user, item and time in seconds, and its rating if wanted.

    Raises:
        Unusable: if user, item or time are missing or of a wrong kind.
    """
    row = (
        identifier(record.get(layout.user), "user"),
        identifier(record.get(layout.item), "item"),
        unix_seconds(record.get(layout.time), layout.per_second),
    )
    return (*row, number(record.get(layout.rating))) if with_rating else row


def item(record: Record, layout: Layout) -> tuple[str, ...]:
    """Return an item's token and the cells of `TEXTS`.

    Raises:
        Unusable: if there is no item.
    """
    return (identifier(record.get(layout.item), "item"), *layout.texts(record))


def _is_script(title: Any) -> bool:
    """Tell whether a title is left-over JavaScript of the product's page, as some of 2018 are."""
    return isinstance(title, str) and "(new Date()).getTime()" in title


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _details(record: Record) -> Record:
    details = record.get("details")
    if isinstance(details, str):  # the copy on Hugging Face has them as JSON
        try:
            details = json.loads(details)
        except (ValueError, RecursionError):
            return {}
    return details if isinstance(details, dict) else {}


def _images(value: Any) -> Iterator[Any]:
    """Yield addresses, the best first: the large picture is enough for any encoder and smaller than the full one."""
    if isinstance(value, dict):  # the copy on Hugging Face turns the list of dicts into a dict of lists
        lists = [_as_list(value.get(size)) for size in _SIZES]
        value = [dict(zip(_SIZES, one)) for one in itertools.zip_longest(*lists)]
    for picture in _as_list(value):
        if isinstance(picture, dict):
            yield from (picture.get(size) for size in _SIZES)


_SIZES = ("large", "hi_res", "thumb")
