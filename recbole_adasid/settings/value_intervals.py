"""Intervals as RecBole writes them, such as `[5,inf)` or `[5,10];(20,inf)`, and as YAML may have read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

INTERVALS = ("user_inter_num_interval", "item_inter_num_interval")
BY_COLUMN = "val_interval"
_ONE = re.compile(r"\s*([\[(])([^,\[\]()]+),([^,\[\]()]+)([\])])\s*")


def is_interval(value: Any) -> bool:
    """Tell whether a value is one or more intervals: text, or two numbers that YAML made of `[5,10]`."""
    try:
        ends = [_ends(part) for part in _parts(value)]
    except (TypeError, ValueError):
        return False
    return all(low <= high for _, low, high, _ in ends)


def interval_text(value: Any) -> Any:
    """Return an interval in RecBole's notation; anything already in it, or no interval, is returned unchanged.

    YAML turns `[5,inf]` and `[5,.inf]` into a list, whose infinity neither JSON nor RecBole accepts.
    """
    if not is_interval(value) or isinstance(value, str) and ".inf" not in value.lower():
        return value
    return ";".join(_text(*_ends(part)) for part in _parts(value))


def with_interval_texts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with intervals in RecBole's notation."""
    found = {key: interval_text(settings[key]) for key in INTERVALS if key in settings}
    columns = settings.get(BY_COLUMN)
    if isinstance(columns, Mapping):
        found[BY_COLUMN] = {column: interval_text(chosen) for column, chosen in columns.items()}
    return {**settings, **found}


def _parts(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        low, high = value
        if any(isinstance(end, bool) or not isinstance(end, (int, float)) for end in value):
            raise ValueError("not two numbers")
        return [f"[{low},{high}]"]
    if not isinstance(value, str):
        raise TypeError("neither text nor a list")
    return value.split(";")


def _ends(part: str) -> tuple[str, float, float, str]:
    found = _ONE.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is not an interval")
    return found[1], _number(found[2]), _number(found[3]), found[4]


def _number(written: str) -> float:
    """Return a number; infinity may have YAML's leading dot."""
    return float(re.sub(r"(?i)^(\s*[+-]?)\.inf(\s*)$", r"\1inf\2", written))


def _text(opening: str, low: float, high: float, closing: str) -> str:
    opening, closing = "(" if low == float("-inf") else opening, ")" if high == float("inf") else closing
    return f"{opening}{_written(low)},{_written(high)}{closing}"


def _written(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else repr(number)
