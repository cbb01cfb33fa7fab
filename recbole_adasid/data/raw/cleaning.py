"""Cells of atomic files from raw values: text without markup, identifiers, Unix seconds, prices, category paths, URLs.

A function returns an empty cell for what says nothing, except for identifiers and times, without which there is no row.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from recbole_adasid.data.raw.counting import Unusable

BETWEEN_LEVELS, BETWEEN_PATHS = " > ", " | "

# Each part of these patterns stops at the next angle bracket, so that no text takes more than one pass.
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>[^<]*</\1\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*>|<![a-zA-Z][^<>]*>")
# Control characters, halves of surrogate pairs, and marks without width.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)
_PRICE = re.compile(r"(?:from\s*)?\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,12})?(?:\s*-\s*\$?[\d,.]+)?", re.ASCII)
_URL = re.compile(r"https?://[!-~]{1,2000}")
# Seconds beyond the year 5138 are another unit.
_LATEST = 10**11


def clean_text(value: Any) -> str:
    """Return a text on one line: entities resolved, tags removed, white space collapsed; nothing else is text."""
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
        value = int(value)  # a column of whole numbers with gaps comes as floats
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Unusable(f"no {what}")
    token = value.strip()
    if not token or not token.isprintable():
        raise Unusable(f"no {what}" if not token else f"an unprintable {what}")
    return token


def unix_seconds(value: Any, per_second: int = 1) -> str:
    """Return a time as Unix seconds, fractions kept.

    Args:
        value: a number of seconds (or of `per_second`ths), as such or as text; a date in ISO 8601; a datetime. Dates
            without a zone are in UTC.
        per_second: 1000 for milliseconds, and so on.

    Raises:
        Unusable: for anything else, and for times before 1970 or beyond the year 5138.
    """
    if isinstance(value, str):
        value = _number_or_date(value.strip())
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        value, per_second = round(zoned.timestamp() * 10**6), 10**6
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise Unusable("no time")
    if not 0 < value < _LATEST * per_second:
        raise Unusable("a time outside the years 1970 to 5138")
    if isinstance(value, float):
        whole_number = value.is_integer()
        value, per_second = (int(value), per_second) if whole_number else (round(value * 10**6 / per_second), 10**6)
    whole, rest = divmod(value, per_second)
    return f"{whole}.{rest:0{len(str(per_second)) - 1}d}".rstrip("0") if rest else str(whole)


def number(value: Any) -> str:
    """Return a rating or the like as it stands, whole numbers without a point; nothing if it is no finite number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def price(value: Any) -> str:
    """Return a price with two decimals; of a range its lower end; nothing for junk and for what is not above 0."""
    if isinstance(value, str):
        found = _PRICE.fullmatch(value.strip())
        value = float(found[1].replace(",", "") + (found[2] or "")) if found else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e12:
        return ""
    return f"{value:.2f}"


def category_paths(value: Any) -> str:
    """Return category paths `A > B | C > D` from a list of lists, from one path as a list, or from a text as it is."""
    if isinstance(value, str):
        return clean_text(value)
    if not isinstance(value, (list, tuple)):
        return ""
    nested = [path for path in value if isinstance(path, (list, tuple))]
    paths = (_path(path) for path in nested or [value])
    return BETWEEN_PATHS.join(dict.fromkeys(path for path in paths if path))


def first_url(values: Iterable[Any]) -> str:
    """Return the first of some values that is a web address."""
    return next((found[0] for found in map(_as_url, values) if found), "")


def _path(levels: Sequence[Any]) -> str:
    # A separator within a name would make two of it.
    names = (clean_text(level).replace(BETWEEN_PATHS, " / ") for level in levels)
    return BETWEEN_LEVELS.join(name for name in names if name)


def _as_url(value: Any) -> re.Match[str] | None:
    return _URL.fullmatch(value.strip()) if isinstance(value, str) else None


def _number_or_date(text: str) -> float | datetime | None:
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    try:
        # Python before 3.11 knows no Z for UTC.
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        return None
