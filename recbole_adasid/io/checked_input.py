"""Checks of what callers pass to a recommender: a mistake raises a clear error instead of being misread.

To Python a string is a sequence of strings, so the history '50 181' would silently be the items '5', '0', ' ' etc.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Set
from typing import Any

import numpy as np


def token_list(given: Any, what: str, *, ordered: bool = True) -> list[str]:
    """Return item tokens as a list.

    Args:
        given: any iterable of strings, such as a list or an array.
        what: its name in messages.
        ordered: whether the order matters, so that a set is refused.

    Raises:
        ValueError: for a string, a non-iterable, an unordered collection if order matters, or non-string entries.
    """
    order = ", oldest first," if what.startswith(("the history", "history")) else ""
    remedy = f"give a list of item tokens{order} such as {_example(given)}"
    if isinstance(given, (str, bytes)):
        raise ValueError(f"{what} is the text {short(given)}: {remedy}")
    if ordered and isinstance(given, (Mapping, Set)):
        raise ValueError(f"{what} is a {type(given).__name__}, which has no order of items: {remedy}")
    try:
        tokens = list(given)
    except TypeError:
        raise ValueError(f"{what} is {short(given)}: {remedy}") from None
    for token in tokens:
        if not isinstance(token, str):
            raise ValueError(
                f"{what} holds {short(token)} of type {type(token).__name__}: item tokens are texts, as in the data"
            )
    return tokens


def history_lists(given: Any) -> list[list[str]]:
    """Return histories as lists of item tokens.

    Raises:
        ValueError: naming the first invalid history, counted from 1; see :func:`token_list`.
    """
    remedy = "give a list of histories, each a list of item tokens"
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "columns"):
        raise ValueError(f"histories is a table: {remedy}, or give the table to recbole_adasid.frames.recommend")
    if isinstance(given, (str, bytes, Mapping, Set)):
        raise ValueError(f"histories is {short(given)}: {remedy}")
    try:
        histories = list(given)
    except TypeError:
        raise ValueError(f"histories is {short(given)}: {remedy}") from None
    return [token_list(history, f"history {number}") for number, history in enumerate(histories, start=1)]


def number_of_items(k: Any) -> int:
    """Return the requested number of items.

    Raises:
        ValueError: if it is not a whole number of 1 or more.
    """
    wrong = ValueError(f"k={short(k)} has to be a whole number: ask for 1 item or more")
    if isinstance(k, (bool, np.bool_)):
        raise wrong
    try:
        number = operator.index(k)
    except TypeError:
        raise wrong from None
    if number < 1:
        raise ValueError(f"k is {number}: ask for 1 item or more")
    return number


def share_of_places(share: Any) -> float:
    """Return ``new_share``.

    Raises:
        ValueError: if it is not a number from 0 to 1.
    """
    if isinstance(share, (bool, np.bool_)) or not isinstance(share, (int, float, np.number)):
        raise ValueError(f"new_share={short(share)} has to be a number from 0 to 1")
    if not 0 <= share <= 1:
        raise ValueError(f"new_share is {share}: it has to be from 0 to 1")
    return float(share)


def switch(value: Any, name: str) -> bool:
    """Return a boolean argument.

    Raises:
        ValueError: if it is neither; the string 'false' would be true.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}={short(value)} has to be true or false")
    return bool(value)


def text_or_none(value: Any, name: str) -> str | None:
    """Return an optional string argument.

    Raises:
        ValueError: if it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name}={short(value)} has to be a text, or left out")
    return value


def _example(given: Any) -> str:
    text = given.decode(errors="replace") if isinstance(given, bytes) else given
    return str(text.split()[:3] if isinstance(text, str) and text.split() else ["token", "token"])


def short(value: Any) -> str:
    """Return a value as an error shows it: on one line, cut after 60 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
