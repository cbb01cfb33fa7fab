"""Fast search for items whose category contains a name: many items share few categories."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class CategorySearch:
    """The distinct categories of items, and which item has which.

    Args:
        categories: of N items; empty where there is none.
    """

    def __init__(self, categories: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        given = [numbers.setdefault(category, len(numbers)) for category in categories]
        self._of_item = np.array(given, dtype=np.int32)
        self.names = list(numbers)
        self._longest = max(map(len, self.names), default=0)
        self._kept = lru_cache(maxsize=16)(self._items_with)

    def of_items(self) -> list[str]:
        """Return the category of each item, [N]."""
        return [self.names[number] for number in self._of_item.tolist()]

    def items_with(self, name: str) -> NDArray[np.bool_]:
        """Return which items' categories contain a name as whole words, ignoring case, bool [N]."""
        if len(name) > self._longest:  # and need not become a pattern, however long it is
            return np.zeros(len(self._of_item), dtype=bool)
        return self._kept(name)

    def _items_with(self, name: str) -> NDArray[np.bool_]:
        wanted = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        found = np.array([wanted.search(one) is not None for one in self.names], dtype=bool)
        return found[self._of_item]
