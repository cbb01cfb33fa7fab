"""Item search by word prefixes in titles, tokens and categories.

Letters: N items, O word occurrences.
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
_LAST = "\U0010ffff"
_TITLE, _ELSEWHERE, _WHOLE, _TOKEN = 4, 2, 1, 10**6
"""Scores of a match: in the title, elsewhere, the bonus for a whole word, and of a query that is an item's token."""


def words_of(text: str) -> list[str]:
    """Return the words of a text, case-folded and without accents."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORD.findall(text.casefold())


class WordIndex:
    """Finds the texts with words of a given prefix.

    Args:
        texts: the texts.
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
        """Return the numbers of texts with a word that begins with it; some appear more than once."""
        first, last = (bisect_left(self._words, bound) for bound in (beginning, beginning + _LAST))
        return self._texts[self._starts[first] : self._starts[last]]

    def texts_of(self, word: str) -> NDArray[np.int64]:
        """Return the numbers of texts with that word."""
        place = bisect_left(self._words, word)
        there = place < len(self._words) and self._words[place] == word
        return self._texts[self._starts[place] : self._starts[place + 1]] if there else self._texts[:0]


class SearchedItems:
    """Items, and their scores for a query.

    Args:
        tokens: item tokens.
        labels: titles and categories of these items.
    """

    def __init__(self, tokens: Sequence[str], labels: Sequence[ItemLabel]) -> None:
        self._row_of = {token: row for row, token in enumerate(tokens)}
        self._titles = WordIndex(label.title for label in labels)
        self._others = WordIndex(f"{token} {label.category}" for token, label in zip(tokens, labels))
        self.title_lengths = self._titles.lengths

    def __len__(self) -> int:
        return len(self.title_lengths)

    def worth(self, query: str) -> NDArray[np.int64]:
        """Return each item's score; 0 if a word of the query does not match."""
        worth = np.zeros(len(self._row_of), np.int64)
        for place, word in enumerate(dict.fromkeys(words_of(query))):
            own = self._worth_of_word(word)
            worth = np.where((own > 0) & (worth > 0 if place else True), worth + own, 0)
            if not worth.any():  # further words cost a pass over all items each
                break
        if (row := self._row_of.get(query.strip())) is not None:
            worth[row] = _TOKEN
        return worth

    def _worth_of_word(self, word: str) -> NDArray[np.int64]:
        worth = np.zeros(len(self._row_of), np.int64)
        for index, value in ((self._others, _ELSEWHERE), (self._titles, _TITLE)):
            worth[index.texts_with(word)] = value
            rows = index.texts_of(word)
            worth[rows] = np.maximum(worth[rows], value + _WHOLE)
        return worth


class ItemSearch:
    """Search over a catalogue.

    Args:
        parts: the run's items, which never change, and those added later, in order.
    """

    def __init__(self, parts: Sequence[SearchedItems]) -> None:
        self.parts = parts
        self._title_lengths = np.concatenate([part.title_lengths for part in parts])

    def find(self, query: str, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows of the items in which every word of a query is the prefix of a word, best first.

        Matches in titles rank before others, whole words before prefixes, short titles before long ones; an item whose
        token is the query comes first.

        Args:
            query: one without words matches every item, in catalogue order.
            allowed: [N], which items may be found.
        """
        if not words_of(query):
            return allowed.nonzero()[0]
        worth = np.concatenate([part.worth(query) for part in self.parts])
        rows = (allowed & (worth > 0)).nonzero()[0]
        return rows[np.lexsort((rows, self._title_lengths[rows], -worth[rows]))]
