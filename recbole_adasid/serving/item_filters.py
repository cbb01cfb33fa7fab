"""Which items of an inventory may be recommended, by tokens that are allowed or denied and by category."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from recbole_adasid.io.checked_input import text_or_none, token_list
from recbole_adasid.serving.live_catalogue import Inventory


def chosen_items(
    inventory: Inventory, allow: Iterable[str] | None, deny: Iterable[str] | None, category: str | None
) -> Tensor | None:
    """Return which items may be recommended, bool [N + 1], None for all that the inventory recommends.

    Args:
        allow: only these; None: all.
        deny: never these.
        category: only items whose category has it as whole words, whatever the case; None: whatever category.

    Raises:
        ValueError: for unknown items, a category that no item has, or filters that leave nothing.
    """
    denied = [] if deny is None else item_numbers(inventory, deny, "deny")
    if allow is None and category is None and not denied:
        return None
    chosen = inventory.recommended.clone()
    if allow is not None:
        chosen &= _mask(inventory, item_numbers(inventory, allow, "allow"))
    if category is not None:
        chosen &= _mask(inventory, _of_category(inventory, category))
    chosen &= ~_mask(inventory, denied)
    if not chosen.any():
        raise ValueError("allow, deny and category leave no item to recommend: loosen them")
    return chosen


def item_numbers(inventory: Inventory, tokens: Iterable[str], what: str) -> list[int]:
    """Return the numbers of items by token.

    Args:
        what: the tokens' name in messages.

    Raises:
        ValueError: for unknown items, or what is no list of tokens.
    """
    names = token_list(tokens, what, ordered=False)
    unknown = [token for token in names if token not in inventory.numbers]
    if unknown:
        raise ValueError(
            f"{what} names {len(unknown)} unknown items, first {unknown[0]!r}: give tokens of the catalogue"
        )
    return [inventory.numbers[token] for token in names]


def _mask(inventory: Inventory, numbers: Collection[int]) -> Tensor:
    """Return bool [N + 1], true for the items of these numbers."""
    mask = torch.zeros(len(inventory.tokens) + 1, dtype=torch.bool)
    mask[list(numbers)] = True
    return mask


def _of_category(inventory: Inventory, category: str) -> list[int]:
    name = (text_or_none(category, "category") or "").strip()
    wanted = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    found = [inventory.numbers[token] for token, label in inventory.labels.items() if wanted.search(label.category)]
    if not name or not found:
        known = list(dict.fromkeys(label.category for label in inventory.labels.values() if label.category))
        raise ValueError(
            f"no item has the category {category!r}"
            + (f"; the items have for example {', '.join(known[:5])}" if known else ": the run knows none")
        )
    return found
