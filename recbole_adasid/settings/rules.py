"""Validation rules: what a value must be, in words and as a test."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from recbole_adasid.settings.value_intervals import is_interval

LARGEST = 2**31 - 1
"""A larger whole number is a typo, and would make torch run out of memory."""


@dataclass(frozen=True)
class Rule:
    """What a value must be, in words and as a test."""

    wanted: str
    fits: Callable[[Any], bool]
    names: Collection[str] = ()
    """For names, the valid ones: the table itself, as extensions may add to it."""
    argument: str = ""
    """The constructor's argument that takes the value; empty if it has the setting's name."""

    def as_argument(self, name: str) -> Rule:
        """Return this rule for a setting that the constructor calls `name`; `optional` and lists drop it."""
        return replace(self, argument=name)


def arguments(rules: Mapping[str, Rule], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the settings in `rules`, by the names of the constructor's arguments."""
    return {rule.argument or key: settings[key] for key, rule in rules.items()}


def whole(low: int, high: int = LARGEST) -> Rule:
    """Return the rule for whole numbers from `low` to `high`."""
    said = f"a whole number of {low} or more" if high == LARGEST else f"a whole number from {low} to {high}"
    return Rule(said, lambda value: _is_whole(value) and low <= value <= high)


def real(low: float, high: float = math.inf, *, above: bool = False) -> Rule:
    """Return the rule for finite numbers from `low`, or greater with `above`, up to `high`."""
    ends = f"{'above' if above else 'of at least'} {low:g}" + ("" if high == math.inf else f" and at most {high:g}")
    return Rule(
        f"a finite number {ends}",
        lambda value: is_finite(value) and low <= value <= high and not (above and value == low),
    )


def name_of(names: Collection[str]) -> Rule:
    """Return the rule for names from a table."""
    return Rule("a name", lambda value: isinstance(value, str) and value in names, names)


def optional(rule: Rule) -> Rule:
    """Return a rule that also allows null."""
    return Rule(f"{rule.wanted}, or null", lambda value: value is None or rule.fits(value))


def list_of(rule: Rule, *, empty: bool = False) -> Rule:
    """Return the rule for lists whose entries satisfy `rule`."""

    def fits(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and (empty or len(value) > 0) and all(map(rule.fits, value))

    return Rule(f"a list, each entry {rule.wanted}", fits)


def any_case(names: Collection[str]) -> Rule:
    """Return the rule for names in any case."""
    return Rule(
        f"one of {', '.join(names)}",
        lambda value: isinstance(value, str) and value.lower() in {name.lower() for name in names},
    )


def one_or_list(rule: Rule) -> Rule:
    """Return the rule for a single value or a list of them."""
    several = list_of(rule)
    return Rule(f"{rule.wanted}, or a list of such", lambda value: rule.fits(value) or several.fits(value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def is_finite(value: Any) -> bool:
    """Tell whether a value is a finite number; a whole number may be too large for a float."""
    return _is_whole(value) and abs(value) < 2**63 or isinstance(value, float) and math.isfinite(value)


text = Rule("a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
switch = Rule("true or false", lambda value: isinstance(value, bool))
path = Rule("a path", lambda value: text.fits(value) or isinstance(value, PathLike))
interval = Rule("an interval such as [5,inf), its lower end first", is_interval)
web_address = Rule("an address of http or https", lambda value: text.fits(value) and _matches(r"https?://\S+", value))
checksum = Rule("64 hexadecimal digits", lambda value: text.fits(value) and _matches(r"[0-9a-fA-F]{64}", value))
