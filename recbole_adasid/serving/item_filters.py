"""Filters on recommendable items of a live catalogue: allowed tokens, denied tokens, category."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recbole_adasid.io.checked_input import short, text_or_none, token_list
from recbole_adasid.serving.live_catalogue import LiveCatalogue

FEW = 64
"""Up to this many denied items are excluded per history, like seen ones; for more, a tree without them is built."""


class Chosen(NamedTuple):
    """Which items may be recommended."""

    items: Tensor | None
    """bool [N + 1]; None: all items of the live catalogue."""
    category: str | None
    """The category, if the items are exactly its items."""
    denied: list[int]
    """A few of them that must not be recommended."""


def chosen_items(
    live: LiveCatalogue, allow: Iterable[str] | None, deny: Iterable[str] | None, category: str | None
) -> Chosen:
    """Return which items may be recommended.

    Args:
        allow: only these; None: all.
        deny: never these.
        category: only items whose category contains it as whole words, ignoring case; None: any category.

    Raises:
        ValueError: for unknown items, a category without items, or filters that leave no items.
    """
    denied = [] if deny is None else sorted(set(item_numbers(live, deny, "deny")))
    if allow is None and category is None and not denied:
        return Chosen(None, None, [])
    many = len(denied) > FEW
    chosen = live.recommended.clone()
    if allow is not None:
        chosen &= _mask(live, item_numbers(live, allow, "allow"))
    if category is not None:
        chosen &= _of_category(live, category)
    left = chosen & ~_mask(live, denied)
    if not left.any():
        raise ValueError("allow, deny and category leave no item to recommend: loosen them")
    if allow is None and category is None and not many:
        return Chosen(None, None, denied)
    exactly = category if allow is None and not many else None
    return Chosen(left if many else chosen, exactly, [] if many else denied)


def item_numbers(live: LiveCatalogue, tokens: Iterable[str], what: str) -> list[int]:
    """Return the numbers of items by token.

    Args:
        what: what messages call the tokens.

    Raises:
        ValueError: for unknown items, or anything but a list of tokens.
    """
    names = token_list(tokens, what, ordered=False)
    unknown = [token for token in names if token not in live.numbers]
    if unknown:
        raise ValueError(
            f"{what} names {len(unknown)} unknown items, first {unknown[0]!r}: give tokens of the catalogue"
        )
    return [live.numbers[token] for token in names]


def _mask(live: LiveCatalogue, numbers: Collection[int]) -> Tensor:
    """Return bool [N + 1], true for items with these numbers."""
    mask = torch.zeros(len(live.tokens) + 1, dtype=torch.bool)
    mask[list(numbers)] = True
    return mask


def _of_category(live: LiveCatalogue, category: str) -> Tensor:
    """Return bool [N + 1], true for items of a category."""
    name = (text_or_none(category, "category") or "").strip()
    found = np.concatenate([[False], *(part.items_with(name) for part in live.categories)])
    if not name or not found.any():
        known = list(dict.fromkeys(filter(None, chain.from_iterable(part.names for part in live.categories))))
        raise ValueError(
            f"no item has the category {short(category)}"
            + (f": use one such as {', '.join(known[:5])}" if known else ": the run has none, leave it out")
        )
    return torch.from_numpy(found)
