"""What a code means, judged by the items whose Semantic IDs begin with it: their words, categories and titles.

Letters: N items, V distinct words, G items below a prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy

from recbole_adasid.data.item_categories import Categories
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.serving.label_words import LabelWords
from recbole_adasid.serving.live_catalogue import LiveCatalogue

LEAST_LIFT = 3.0
"""How many times as frequent as in the catalogue a word has to be; rules out words such as "the"."""
LEAST_EVIDENCE = 10.83
"""Minimum log-likelihood ratio of a word, the 99.9% quantile of χ² with one degree of freedom."""


class Example(NamedTuple):
    """An item below a prefix."""

    item: str
    title: str


class Meaning(NamedTuple):
    """What the items below a prefix have in common."""

    prefix: list[int]
    items: int
    """Number of recommendable items below it."""
    words: list[str]
    """Words of titles and categories that are much more frequent than in the catalogue, most distinctive first."""
    categories: list[tuple[str, int]]
    """Categories and their numbers of items, sorted by how much they exceed their share of the catalogue."""
    examples: list[Example]
    """Some items, evenly spread over the Semantic IDs below it."""


class CodeMeanings:
    """The words and categories of a catalogue's items, counted below any prefix.

    Args:
        live: the current items; after a change, create a new object.
        words_of_run: those of an earlier object of the same run; None: count them.
    """

    def __init__(self, live: LiveCatalogue, words_of_run: LabelWords | None = None) -> None:
        self._live, self._tree = live, live.catalogue.tree
        self._categories = Categories([category for part in live.categories for category in part.of_items()])
        self.words_of_run = words_of_run or LabelWords(map(self._text, live.tokens[: live.n_of_run]))
        self._words = LabelWords(map(self._text, live.tokens[live.n_of_run :]), self.words_of_run)
        everything = self._rows(0, self._tree.n_items)
        self._word_counts = self._words.counts(everything)
        self._category_counts = self._categories.counts(everything)

    def of(self, prefix: Sequence[int], *, limit: int = 6) -> Meaning:
        """Return what a prefix of codes means; the empty one stands for the whole catalogue.

        Args:
            prefix: codes of the first levels.
            limit: maximum number of words, categories and examples, each.

        Raises:
            ValueError: if no item that may be recommended has this prefix.
        """
        begin, end = self._range(list(prefix))
        rows = self._rows(begin, end)
        spread = np.unique(np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(np.int64))
        tokens = [self._live.tokens[row] for row in rows[spread].tolist()]
        examples = [Example(token, self._live.labels.get(token, ItemLabel()).title) for token in tokens]
        words, categories = self._distinctive(rows)[:limit], self._typical(rows)[:limit]
        return Meaning(list(prefix), len(rows), words, categories, examples)

    def _text(self, token: str) -> str:
        return " ".join(self._live.labels.get(token, ItemLabel()))

    def _range(self, prefix: list[int]) -> tuple[int, int]:
        """Return the range of the tree's leaf items below a prefix."""
        tree, node = self._tree, torch.tensor(0)
        if len(prefix) > len(tree.level_sizes):
            raise ValueError(f"the prefix {prefix} has {len(prefix)} codes: give at most {len(tree.level_sizes)}")
        if not all(0 <= code < size for code, size in zip(prefix, tree.level_sizes)):
            node = torch.tensor(-1)
        elif prefix:
            node = tree.path(torch.tensor(prefix, device=tree.leaf_items.device))[-1]
        if node < 0:
            raise ValueError(f"no Semantic ID begins with {prefix}: give the first codes of an item's")
        begin, end = tree.item_range(len(prefix), node)
        return int(begin), int(end)

    def _rows(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the rows of the items at these places of the tree."""
        return self._tree.leaf_items[begin:end].long().cpu().numpy() - 1

    def _distinctive(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the words of at least two items that are much more frequent here than in the catalogue."""
        here, overall, total = self._words.counts(rows), self._word_counts, self._tree.n_items
        evidence = log_likelihood_ratio(here, len(rows), overall, total)
        frequent = (here >= 2) & (here * total >= LEAST_LIFT * overall * len(rows)) & (evidence >= LEAST_EVIDENCE)
        best = np.argsort(-evidence[frequent], kind="stable")
        return [self._words.words[at] for at in np.flatnonzero(frequent)[best].tolist()]

    def _typical(self, rows: NDArray[np.int64]) -> list[tuple[str, int]]:
        """Return the items' categories with counts, those that exceed their overall share most first."""
        here = self._categories.counts(rows)
        excess = np.round(here / len(rows) - self._category_counts / self._tree.n_items, 12)
        order = np.lexsort((-here, -excess))
        return [(self._categories.names[at], int(here[at])) for at in order.tolist() if here[at]]


def log_likelihood_ratio(
    here: NDArray[np.float64], size: int, overall: NDArray[np.float64], total: int
) -> NDArray[np.float64]:
    """Return Dunning's G² (1993) of words in some of the items versus the rest, [V].

    Args:
        here: number of the ``size`` items with each word [V].
        overall: number of all ``total`` items, these included, with each word [V].
    """
    observed = [here, size - here, overall - here, total - size - overall + here]
    absent = total - overall
    expected = [part * share / total for share in (size, total - size) for part in (overall, absent)]
    # 0 · log 0 is 0; an expected 0 goes with an observed 0.
    return 2 * sum(xlogy(o, np.divide(o, e, out=np.ones_like(o), where=e > 0)) for o, e in zip(observed, expected))
