"""What requests read: a recommender that never changes, replaced as a whole when items do."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.server.item_search import ItemSearch, SearchedItems
from recbole_adasid.serving.code_meaning import CodeMeanings
from recbole_adasid.serving.label_words import LabelWords
from recbole_adasid.serving.recommender import Recommendation, Recommender


class Snapshot:
    """A recommender and its item search; any number of threads may read it.

    Args:
        recommender: must not be changed from now on; change a copy instead.
        former: an earlier snapshot of the same run, whose index and words are reused where items are the same.
    """

    def __init__(self, recommender: Recommender, former: Snapshot | None = None) -> None:
        self.recommender = recommender
        of_run = former.search.parts[0] if former else self._searched_of_run()
        self.search: ItemSearch = ItemSearch([of_run, *self._searched_added(former)])
        self._words_of_run = former.words_of_run if former else None
        self._meanings: CodeMeanings | None = None
        self._counting = Lock()

    @property
    def words_of_run(self) -> LabelWords | None:
        """The words of the run's items, if they have been counted."""
        return self._meanings.words_of_run if self._meanings else self._words_of_run

    @property
    def meanings(self) -> CodeMeanings:
        """What codes mean, counted on first use, by one thread."""
        with self._counting:
            if self._meanings is None:
                self._meanings = CodeMeanings(self.recommender.live, self._words_of_run)
            return self._meanings

    def items(self, tokens: Sequence[str]) -> list[dict[str, Any]]:
        """Return items of the catalogue as they appear in responses."""
        live = self.recommender.live
        told = []
        for token, semantic_id in zip(tokens, live.semantic_ids(tokens)):
            title, category = live.labels.get(token, ItemLabel())
            known = {"item": token, "title": title, "category": category, "semantic_id": semantic_id}
            number = live.numbers[token]
            told.append({**known, "added": number > live.n_of_run, "removed": not live.recommended[number]})
        return told

    def find_items(self, query: str, limit: int, *, removed: bool = False) -> tuple[list[dict[str, Any]], int]:
        """Return the best items for a query, at most ``limit``, and the number of matches.

        Only items that may be recommended are found, and with ``removed`` all others of the catalogue, too.
        """
        live = self.recommender.live
        found = self.search.find(query, live.recommended[1:].numpy() | removed)
        return self.items([live.tokens[row] for row in found[:limit].tolist()]), len(found)

    def told(self, found: Sequence[Sequence[Recommendation]]) -> list[list[dict[str, Any]]]:
        """Return recommendations as they appear in responses."""
        semantic_ids = iter(self.recommender.live.semantic_ids([one.item for row in found for one in row]))
        return [
            [
                {
                    "item": one.item,
                    "title": one.title,
                    "category": one.category,
                    "score": one.score,
                    "semantic_id": next(semantic_ids),
                }
                for one in row
            ]
            for row in found
        ]

    def _searched_of_run(self) -> SearchedItems:
        tokens = self.recommender.tokens[: self.recommender.live.n_of_run]
        return SearchedItems(tokens, [self.recommender.labels.get(token, ItemLabel()) for token in tokens])

    def _searched_added(self, former: Snapshot | None) -> list[SearchedItems]:
        """Return the search of added items in parts, each larger than the next: adding one renews the last few only."""
        changes = self.recommender.live.changes
        tokens, labels = changes.tokens, changes.labels
        parts: list[SearchedItems] = []
        if former is not None:
            before = former.recommender.live.changes
            known = len(before.tokens)
            if tokens[:known] == before.tokens and labels[:known] == before.labels:
                parts = list(former.search.parts[1:])
        done = sum(map(len, parts))
        while parts and len(parts[-1]) <= len(tokens) - done:
            done -= len(parts.pop())
        return [*parts, SearchedItems(tokens[done:], labels[done:])] if tokens[done:] else parts
