"""Files of Amazon reviews and metadata: detecting their crawl and converting them into atomic files."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.amazon import LAYOUTS, Layout, Record, interaction, item
from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.counting import LineCount, usable
from recbole_adasid.data.convert.lines import parse_record, read_lines
from recbole_adasid.data.convert.rows import ITEM, RATING, TEXTS, TIME, USER, Rows

# Lines read to detect a file's layout.
_LOOKED_AT = 1000


def convert_amazon(
    reviews: Path, metadata: Path | None, home: Path, *, progress: bool = True, rating: bool = False, **options: bool
) -> Report:
    """Convert Amazon's files into the dataset's folder `home`; `options` as in :func:`convert`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if they are not Amazon files, or from different crawls.
    """
    layout = LAYOUTS[told_layout(reviews, metadata)]
    items = None if metadata is None else amazon_items(metadata, layout, progress=progress)
    return convert(amazon_interactions(reviews, layout, rating=rating, progress=progress), items, home, **options)


def amazon_interactions(path: Path, layout: Layout, *, rating: bool = False, progress: bool = False) -> Rows:
    """Return the interactions of a review file, in file order."""
    count = LineCount(path)
    columns = (USER, ITEM, TIME, RATING) if rating else (USER, ITEM, TIME)
    make = partial(interaction, layout=layout, with_rating=rating, count=count)
    return Rows(columns, _rows(path, make, count, progress), count)


def amazon_items(path: Path, layout: Layout, *, progress: bool = False) -> Rows:
    """Return the items of a metadata file, in file order."""
    count = LineCount(path)
    return Rows((ITEM, *TEXTS), _rows(path, partial(item, layout=layout, count=count), count, progress), count)


def told_layout(reviews: Path, metadata: Path | None = None) -> str:
    """Return which of `LAYOUTS` some files have, judging by the keys of their first thousand lines.

    The reviews of 2014 and 2018 look the same: without metadata they count as 2014.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a file has no known layout, or the two differ.
    """
    keys = set(itertools.chain.from_iterable(_first_records(reviews)))
    fitting = [name for name, one in LAYOUTS.items() if {one.user, one.item, one.time} <= keys]
    if not fitting:
        wanted = "; ".join(f"{', '.join(keys)} ({years})" for keys, years in _review_keys().items())
        raise ValueError(f"{reviews} holds no Amazon reviews: none of its first lines has the keys {wanted}.")
    if metadata is None:
        return fitting[0]
    keys = set(itertools.chain.from_iterable(_first_records(metadata)))
    found = {name: len(one.marks & keys) for name, one in LAYOUTS.items() if {one.item} <= keys}
    if not found:
        raise ValueError(f"{metadata} holds no Amazon metadata: no key asin or parent_asin in its first lines.")
    year = max(found, key=lambda name: found[name])
    if year not in fitting:
        raise ValueError(
            f"{reviews} is of {' or '.join(fitting)} and {metadata} of {year}: take both from the same crawl."
        )
    return year


def _rows(
    path: Path, make: Callable[[Record], tuple[str, ...]], count: LineCount, progress: bool
) -> Iterator[tuple[str, ...]]:
    return usable(read_lines(path, progress=progress), lambda line: make(parse_record(line)), count)


def _first_records(path: Path) -> Iterator[dict[str, Any]]:
    return usable(itertools.islice(read_lines(path), _LOOKED_AT), parse_record, LineCount(path))


def _review_keys() -> dict[tuple[str, ...], str]:
    years: dict[tuple[str, ...], str] = {}
    for name, one in LAYOUTS.items():
        keys = (one.user, one.item, one.time)
        years[keys] = f"{years[keys]}, {name}" if keys in years else name
    return years
