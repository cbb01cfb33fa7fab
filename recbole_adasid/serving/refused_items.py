"""Items of a change that are refused, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from recbole_adasid.bundle.item_map import fits_a_cell
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.io.checked_input import short
from recbole_adasid.io.checked_values import is_text
from recbole_adasid.settings.errors import unknown_name

BAD_ITEMS = ("refuse", "skip")
"""If some items cannot be added or removed: change nothing, or skip them."""


def check_choice(bad_items: str) -> None:
    """Check the choice of what to do with items that cannot be added or removed.

    Raises:
        SettingsError: if it is not one of `BAD_ITEMS`.
    """
    if bad_items not in BAD_ITEMS:
        raise unknown_name("bad_items", bad_items, BAD_ITEMS)


def none_or_twice(tokens: Sequence[str]) -> str:
    """Return the error for a list of new items that is empty or names one twice."""
    twice = next(iter(repeated(tokens)), None)
    return (
        "there are no new items: give at least one"
        if twice is None
        else f"the new item {twice!r} occurs twice: keep one"
    )


def repeated(tokens: Sequence[str]) -> dict[str, str]:
    """Return what is skipped of items that occur more than once, by token."""
    return {
        token: "occurs more than once: only its first row was read"
        for token, count in Counter(tokens).items()
        if count > 1
    }


def unwritable(label_of: Mapping[str, ItemLabel]) -> dict[str, str]:
    """Return why items cannot be saved, by token: a file must not hold what its reader would refuse."""
    refused: dict[str, str] = {}
    for token, label in label_of.items():
        for name, text in (("token", token), *label._asdict().items()):
            if token not in refused and not is_text(text):
                refused[token] = f"its {name} is {short(text)}: it has to be text without NUL and lone surrogates"
        if token not in refused and not (token.strip() and fits_a_cell(token)):
            refused[token] = "its token is blank, or holds a tab or line break, which no file of items can hold"
    return refused


def first_of(refused: Mapping[str, str], what: str) -> str:
    """Return the error for refused items: the first with its reason, and how many more there are."""
    token, reason = next(iter(refused.items()))
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return f"the item {token!r} {what}{more}: {reason}. Fix it, or set bad_items=skip to continue without it"
