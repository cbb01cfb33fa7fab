"""The words of items' titles and categories, counted in any group of items.

Letters: N texts, V distinct words, G texts of a group.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

_WORD = re.compile(r"[^\W_](?:['’]?[^\W_])+")


class LabelWords:
    """The distinct words of N texts, in lower case and in order of appearance, and which text has which.

    Args:
        texts: the texts.
        former: the words of earlier texts, which are not read again.
    """

    words: list[str]

    def __init__(self, texts: Iterable[str], former: LabelWords | None = None) -> None:
        self._former = former
        numbers = {word: number for number, word in enumerate(former.words if former else [])}
        self._first = former.n_texts if former else 0
        self._has_word = _occurrences(texts, numbers)
        self.words: list[str] = list(numbers)

    @property
    def n_texts(self) -> int:
        """N, including the former ones."""
        return self._first + int(self._has_word.shape[0])

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how many of the texts ``rows`` [G] have each word [V]; rows have to be distinct."""
        found = np.zeros(len(self.words))
        own = rows[rows >= self._first] - self._first
        if 2 * len(own) > self._has_word.shape[0]:  # copying most rows would take longer than reading all of them
            found += np.bincount(own, minlength=self._has_word.shape[0]) @ self._has_word
        else:
            found += np.asarray(self._has_word[own].sum(0)).ravel()
        if self._former is not None:
            before = self._former.counts(rows[rows < self._first])
            found[: len(before)] += before
        return found


def _occurrences(texts: Iterable[str], numbers: dict[str, int]) -> csr_matrix:
    """Return which text has which word, [N, V]; new words are added to ``numbers``."""
    columns, ends = array("q"), array("q", [0])
    for text in texts:
        columns.extend({numbers.setdefault(word, len(numbers)) for word in _WORD.findall(text.lower())})
        ends.append(len(columns))
    ones = np.ones(len(columns), dtype=np.float32)  # its sums are exact up to 2^24
    return csr_matrix((ones, columns, ends), shape=(len(ends) - 1, len(numbers)))
