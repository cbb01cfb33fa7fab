"""Filters on recommendable items of a live catalogue: allowed tokens, denied tokens, category."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from recbole_adasid.io.checked_input import text_or_none, token_list
from recbole_adasid.serving.live_catalogue import LiveCatalogue


def chosen_items(
    live: LiveCatalogue, allow: Iterable[str] | None, deny: Iterable[str] | None, category: str | None
) -> Tensor | None:
    """Return which items may be recommended, bool [N + 1]; None: all items of the live catalogue.

    Args:
        allow: only these; None: all.
        deny: never these.
        category: only items whose category contains it as whole words, ignoring case; None: any category.

    Raises:
        ValueError: for unknown items, a category without items, or filters that leave no items.
    """
    denied = [] if deny is None else item_numbers(live, deny, "deny")
    if allow is None and category is None and not denied:
        return None
    chosen = live.recommended.clone()
    if allow is not None:
        chosen &= _mask(live, item_numbers(live, allow, "allow"))
    if category is not None:
        chosen &= _mask(live, _of_category(live, category))
    chosen &= ~_mask(live, denied)
    if not chosen.any():
        raise ValueError("allow, deny and category leave no item to recommend: loosen them")
    return chosen


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


def _of_category(live: LiveCatalogue, category: str) -> list[int]:
    name = (text_or_none(category, "category") or "").strip()
    wanted = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    found = [live.numbers[token] for token, label in live.labels.items() if wanted.search(label.category)]
    if not name or not found:
        known = list(dict.fromkeys(label.category for label in live.labels.values() if label.category))
        raise ValueError(
            f"no item has the category {category!r}"
            + (f": use one such as {', '.join(known[:5])}" if known else ": the run has none, leave it out")
        )
    return found
