"""Finding items by the beginnings of words of their titles, tokens and categories.

Letters: N items, O occurrences of words in them.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.item_labels import ItemLabel

_WORD = re.compile(r"\w+")
_BEHIND_ALL = "\U0010ffff"
_TITLE, _OTHER, _WHOLE = 4, 2, 1  # what a match is worth: in the title, elsewhere, and more if it is the whole word


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return _WORD.findall("".join(character for character in plain if not unicodedata.combining(character)))


class WordIndex:
    """Which of N texts have words with a given beginning.

    Args:
        texts: the N texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        found = [[numbers.setdefault(word, len(numbers)) for word in words_of(text)] for text in texts]
        self.lengths = np.fromiter(map(len, found), np.int64, len(found))
        self._words = sorted(numbers)
        rank = np.empty(len(numbers), np.int64)
        rank[[numbers[word] for word in self._words]] = np.arange(len(numbers))
        ranks = rank[np.fromiter((number for words in found for number in words), np.int64, self.lengths.sum())]
        order = ranks.argsort(kind="stable")
        self._texts = np.repeat(np.arange(len(found)), self.lengths)[order]  # [O], by word
        self._starts = np.searchsorted(ranks[order], np.arange(len(numbers) + 1))

    def texts_with(self, beginning: str) -> NDArray[np.int64]:
        """Return the numbers of texts with a word that begins so, some of them more than once."""
        first, last = (bisect_left(self._words, bound) for bound in (beginning, beginning + _BEHIND_ALL))
        return self._texts[self._starts[first] : self._starts[last]]

    def texts_of(self, word: str) -> NDArray[np.int64]:
        """Return the numbers of texts with that word."""
        place = bisect_left(self._words, word)
        if place == len(self._words) or self._words[place] != word:
            return self._texts[:0]
        return self._texts[self._starts[place] : self._starts[place + 1]]


class ItemSearch:
    """Items by words.

    Args:
        tokens: of the N items.
        labels: titles and categories of the N items.
    """

    def __init__(self, tokens: Sequence[str], labels: Sequence[ItemLabel]) -> None:
        self._row_of = {token: row for row, token in enumerate(tokens)}
        self._titles = WordIndex(label.title for label in labels)
        self._others = WordIndex(f"{token} {label.category}" for token, label in zip(tokens, labels))

    def find(self, query: str, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows of the items of which every word of a query begins a word, best first.

        Matches in titles come before others, whole words before beginnings, short titles before long ones; an item
        whose token is the query comes first.

        Args:
            query: without words all items are found, in order.
            allowed: [N], where to search.
        """
        words, worth = words_of(query), np.zeros(len(allowed), np.int64)
        found = allowed.copy()
        for word in words:
            value = self._worth(word, len(allowed))
            found &= value > 0
            worth += value
        token = self._row_of.get(query.strip())
        if token is not None and allowed[token]:
            found[token], worth[token] = True, np.iinfo(np.int64).max
        rows = found.nonzero()[0]
        return rows[np.lexsort((rows, self._titles.lengths[rows], -worth[rows]))] if words else rows

    def _worth(self, word: str, n_items: int) -> NDArray[np.int64]:
        """Return what the matches of a word are worth, [N]."""
        worth = np.zeros(n_items, np.int64)
        for index, value in ((self._others, _OTHER), (self._titles, _TITLE)):
            worth[index.texts_with(word)] = value
            rows = index.texts_of(word)
            worth[rows] = np.maximum(worth[rows], value + _WHOLE)
        return worth
