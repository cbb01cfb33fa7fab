"""Item categories, whole and in parts, and what is typical of a group of items."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

_SEPARATORS = re.compile(r"\s*[>|;,]\s*")


class Categories:
    """Categories of N items, whole and in parts: `Toys > Puzzles | Gifts` has the parts Toys, Puzzles and Gifts.

    Texts without such separators whose words recur, such as genres, are lists of words.

    Args:
        texts: a category for each item; empty where it has none.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        self.ids = np.array([distinct[text] for text in texts], dtype=np.int64)
        """Number of each item's whole text [N]."""
        self.known = np.array([bool(text.strip()) for text in texts], dtype=bool)
        """Whether each item has a category [N]."""
        parts = _parts(list(distinct))
        self.names = sorted({part for own in parts for part in own})
        number = {name: at for at, name in enumerate(self.names)}
        columns = [number[part] for own in parts for part in own]
        ends = np.cumsum([0, *map(len, parts)])
        shape = (len(parts), len(self.names))
        self._parts_of = csr_matrix((np.ones(len(columns)), np.array(columns, dtype=np.int64), ends), shape=shape)
        self.shares: NDArray[np.float64] = self.counts(np.arange(len(self.ids))) / max(1, len(self.ids))
        """Share of the items that have each of ``names``."""

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of the items ``rows`` [R] have each of ``names``."""
        texts = np.bincount(self.ids[rows], minlength=self._parts_of.shape[0])
        return (texts @ self._parts_of).astype(np.int64)

    def typical(self, group: NDArray[np.int64], n_groups: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return each group's typical part, as a place in ``names`` (−1: none), and the share of its items with it.

        The typical part is the one whose share in the group most exceeds its share among all items; ties go to the
        part with more items, then to the first by name.

        Args:
            group: number of each item's group [N], from 0.
            n_groups: number of groups.
        """
        shape = (n_groups, self._parts_of.shape[0])
        texts = csr_matrix((np.ones(len(self.ids)), (group, self.ids)), shape=shape)
        counts = (texts @ self._parts_of).tocoo()
        sizes = np.bincount(group, minlength=n_groups)
        share = counts.data / sizes[counts.row]
        order = np.lexsort((counts.col, -share, -np.round(share - self.shares[counts.col], 12), counts.row))
        rows = counts.row[order]
        best = order[np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]][: len(rows)])]
        place, value = np.full(n_groups, -1, dtype=np.int64), np.zeros(n_groups)
        place[counts.row[best]], value[counts.row[best]] = counts.col[best], share[best]
        return place, value


def _parts(texts: Sequence[str]) -> list[list[str]]:
    """Return the distinct parts of each text."""
    parts = [sorted({part for part in _SEPARATORS.split(text.strip()) if part}) for text in texts]
    words = [sorted(set(text.split())) for text in texts]
    if any(len(own) > 1 for own in parts) or 2 * len({word for own in words for word in own}) > len(texts):
        return parts
    return words
