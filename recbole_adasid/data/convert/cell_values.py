"""Cells of atomic files from raw values: clean text, identifiers, Unix seconds, prices, category paths, URLs.

A function returns an empty cell for a value without content, except for identifiers and times, which a row requires.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timezone
from typing import Any

from recbole_adasid.data.convert.counting import Unusable
from recbole_adasid.data.convert.number_formats import amount, decimal, plain_number

BETWEEN_LEVELS, BETWEEN_PATHS = " > ", " | "

# Each part of these patterns stops at the next angle bracket, so that matching is linear.
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>[^<]*</\1\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*>|<![a-zA-Z][^<>]*>")
# Control characters, lone surrogates and zero-width marks.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,30})?", re.ASCII)
# The rest may hold spaces and letters beyond ASCII, as browsers take them; a host has no spaces.
_URL = re.compile(r"https?://[^\s/?#]{1,2000}([/?#].{0,2000})?", re.IGNORECASE)
# A match starts where the separators do, so that matching is linear.
_NEXT_URL = re.compile(r"(?<![\s,;|])[\s,;|]+(?=https?://)", re.IGNORECASE)
# Seconds beyond the year 5138 must be in another unit.
_LATEST = 10**11


def clean_text(value: Any) -> str:
    """Return a text on one line: entities resolved, tags removed, whitespace collapsed; empty for non-strings."""
    if not isinstance(value, str):
        return ""
    if "&" in value:
        value = html.unescape(html.unescape(value))  # often escaped twice
    if "<" in value:
        value = _TAG.sub(" ", _HIDDEN.sub(" ", value))
    return " ".join(_INVISIBLE.sub("", value).split())


def identifier(value: Any, what: str) -> str:
    """Return a user's or item's token.

    Raises:
        Unusable: if it is neither a text nor a whole number, or is empty or not printable.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # an integer column with gaps is read as floats
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if _is_nothing(value):
        raise Unusable(f"no {what}")
    if not isinstance(value, str):
        raise Unusable(f"a value as {what} that is neither text nor a whole number", value)
    token = value.strip()
    if not token.isprintable():
        raise Unusable(f"an unprintable {what}", value)
    return token


def unix_seconds(value: Any, per_second: int = 1) -> str:
    """Return a time as Unix seconds, fractions kept.

    Args:
        value: a number of seconds (or of `per_second`ths), as such or as text; a date in ISO 8601; a date or datetime.
            Times without a zone are UTC, dates midnight.
        per_second: 1000 for milliseconds, and so on.

    Raises:
        Unusable: for anything else, and for times before 1970 or beyond the year 5138.
    """
    if _is_nothing(value):
        raise Unusable("no time")
    moment = _number_or_date(value.strip()) if isinstance(value, str) else value
    if isinstance(moment, date):
        moment, per_second = _nanoseconds(moment), 10**9
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise Unusable("a time that cannot be read", value)
    if not 0 <= moment < _LATEST * per_second:
        raise Unusable("a time outside the years 1970 to 5138", value)
    if isinstance(moment, float):
        whole_number = moment.is_integer()
        moment, per_second = (int(moment), per_second) if whole_number else (round(moment * 10**6 / per_second), 10**6)
    whole, rest = divmod(moment, per_second)
    return f"{whole}.{rest:0{len(str(per_second)) - 1}d}".rstrip("0") if rest else str(whole)


def _nanoseconds(moment: date) -> int:
    if hasattr(moment, "nanosecond"):  # pandas timestamps, finer than Python's
        return int(moment.value)  # type: ignore[attr-defined]
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return round(zoned.timestamp() * 10**6) * 1000


def _is_nothing(value: Any) -> bool:
    return value is None or value != value or isinstance(value, str) and not value.strip()


def number(value: Any) -> str:
    """Return a rating or similar number, integers without a point; empty if it is not a finite number.

    In text, decimal points and commas are accepted; `1,299` is not, being ambiguous.
    """
    if isinstance(value, str):
        value = decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def plain_text(value: Any) -> str:
    """Return any value as a single line of text: list entries joined by commas, numbers and dates as digits.

    Web addresses without spaces stay as they are: what looks like an entity there may be a parameter, as in
    `?w=1&copy=2`. Values without such a text are empty: mappings, bytes, booleans.
    """
    if isinstance(value, str):
        text = value.strip()
        return text if " " not in text and _is_url(text) else clean_text(text)
    if isinstance(value, (list, tuple)):
        return ", ".join(entry for entry in map(plain_text, value) if entry)
    value = plain_number(value)
    if _is_nothing(value) or isinstance(value, bool):
        return ""
    if isinstance(value, datetime):
        value = _in_utc(value)
    return str(value) if isinstance(value, (int, date)) else number(value)


def _in_utc(moment: datetime) -> datetime:
    """Return a time in UTC without a zone; one that would leave the calendar as it is."""
    try:
        return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError:
        return moment


def price(value: Any) -> str:
    """Return a price with two decimals; the lower end of a range; empty for junk and for values not above 0."""
    if isinstance(value, str):
        value = amount(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e12:
        return ""
    return f"{value:.2f}"


def category_paths(value: Any) -> str:
    """Return category paths `A > B | C > D` from a list of lists, from one path as a list, or from text, unchanged."""
    if isinstance(value, str):
        return clean_text(value)
    if not isinstance(value, (list, tuple)):
        return ""
    several = any(isinstance(entry, (list, tuple)) for entry in value)
    paths = map(_path, value) if several else [_path(value)]
    return BETWEEN_PATHS.join(dict.fromkeys(path for path in paths if path))


def first_url(values: Iterable[Any]) -> str:
    """Return the first web address among the values; of a text with several addresses, the first counts."""
    texts = (_NEXT_URL.split(value.strip(), 1)[0] for value in values if isinstance(value, str))
    return next(filter(_is_url, texts), "")


def _path(levels: Any) -> str:
    # A separator within a name would split it in two.
    entries = levels if isinstance(levels, (list, tuple)) else [levels]
    names = (plain_text(level).replace(BETWEEN_PATHS, " / ") for level in entries)
    return BETWEEN_LEVELS.join(name for name in names if name)


def _is_url(text: str) -> bool:
    return text.isprintable() and _URL.fullmatch(text) is not None


def _number_or_date(text: str) -> float | datetime | None:
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    # Python before 3.11 does not parse Z for UTC, and no version the word UTC, which BigQuery writes.
    plain = re.sub(r"(?:Z| UTC)$", "+00:00", text)
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return None


def _categories(value: Any) -> str:
    return category_paths(value) if isinstance(value, (list, tuple)) else plain_text(value)


def _image(value: Any) -> str:
    return first_url(value if isinstance(value, (list, tuple)) else [value])


CELLS: dict[str, Callable[[Any], str]] = {
    "title": plain_text,
    "brand": plain_text,
    "categories": _categories,
    "price": price,
    "image_url": _image,
}
"""The function that makes a column's cell from a value."""
