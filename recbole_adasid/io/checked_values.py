"""Forms of plain values from a file, checked before use.

A form takes a value and its name, and raises ValueError if the value is invalid. The file's reader adds the file's
name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

Form = Callable[[Any, str], None]

LARGEST = 2**63 - 1


def fits(value: Any, name: str, wanted: str, holds: bool) -> None:
    """Raise unless a condition on a value holds.

    Raises:
        ValueError: naming the value and what was wanted.
    """
    if not holds:
        shown = repr(value)
        raise ValueError(f"{name} is {shown[:60]}{'…' * (len(shown) > 60)}, but must be {wanted}")


def whole(low: int = 0, high: int = LARGEST) -> Form:
    """Return the form of whole numbers from ``low`` to ``high``."""
    wanted = f"a whole number of {low} or more" if high == LARGEST else f"a whole number from {low} to {high:,}"

    def check(value: Any, name: str) -> None:
        fits(value, name, wanted, isinstance(value, int) and not isinstance(value, bool) and low <= value <= high)

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Form:
    """Return the form of numbers from ``low`` to ``high``, NaN excluded."""

    def check(value: Any, name: str) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits(value, name, f"a number from {low:g} to {high:g}", is_number and low <= value <= high)

    return check


def text(value: Any, name: str) -> None:
    """Check that a value is text that can be written and named: no NUL and no lone surrogate."""
    fits(value, name, "text", is_text(value))


def is_text(value: Any) -> bool:
    """Tell whether a value is text that can be written and named: no NUL and no lone surrogate."""
    return isinstance(value, str) and "\0" not in value and _can_be_written(value)


def switch(value: Any, name: str) -> None:
    """Check that a value is true or false."""
    fits(value, name, "true or false", isinstance(value, bool))


def one_of(names: Collection[str]) -> Form:
    """Return the form of one of the given names."""
    return lambda value, name: fits(
        value, name, f"one of {', '.join(names)}", isinstance(value, str) and value in names
    )


def optional(form: Form) -> Form:
    """Return a form that also allows null."""

    def check(value: Any, name: str) -> None:
        if value is not None:
            form(value, name)

    return check


def list_of(form: Form, *, least: int = 0, most: int | None = None) -> Form:
    """Return the form of lists whose entries share one form."""

    def check(value: Any, name: str) -> None:
        fits(value, name, "a list", isinstance(value, list))
        if not least <= len(value) <= (len(value) if most is None else most):
            raise ValueError(f"{name} has {len(value):,} entries, expected {least} to {most}")
        for place, entry in enumerate(value):
            form(entry, f"{name}[{place}]")

    return check


def mapping_of(form: Form) -> Form:
    """Return the form of mappings from text to values with one form."""

    def check(value: Any, name: str) -> None:
        fits(value, name, "names and values", isinstance(value, dict))
        for key, entry in value.items():
            text(key, f"a name in {name}")
            form(entry, f"{name}.{key}"[:100])

    return check


def anything(value: Any, name: str) -> None:
    """Accept any value without looking into it."""


def record(needed: Mapping[str, Form], known: Mapping[str, Form] | None = None) -> Form:
    """Return the form of mappings with the ``needed`` names, optionally the ``known`` ones, and any others."""

    def check(value: Any, name: str) -> None:
        fits(value, name, "names and values", isinstance(value, dict))
        for key, form in needed.items():
            if key not in value:
                raise ValueError(f"{name} lacks {key}")
            form(value[key], f"{name}.{key}")
        for key, form in (known or {}).items():
            if key in value:
                form(value[key], f"{name}.{key}")

    return check


def _can_be_written(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
