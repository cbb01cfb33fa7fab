"""What requests read: a recommender that nobody changes any more, replaced as a whole when items come or go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.server.item_search import ItemSearch
from recbole_adasid.serving.code_meaning import CodeMeanings
from recbole_adasid.serving.recommender import Recommendation, Recommender


class Snapshot:
    """A recommender and the search of its items; any number of threads may read it.

    Args:
        recommender: nobody may change it from now on: change a copy.
    """

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender

    @cached_property
    def search(self) -> ItemSearch:
        """The search of items, built at the first query."""
        tokens, labels = self.recommender.tokens, self.recommender.labels
        return ItemSearch(tokens, [labels.get(token, ItemLabel()) for token in tokens])

    @cached_property
    def meanings(self) -> CodeMeanings:
        """What codes mean, counted at the first question."""
        return CodeMeanings(self.recommender.live)

    def items(self, tokens: Sequence[str]) -> list[dict[str, Any]]:
        """Return items of the catalogue as they are told to clients."""
        live = self.recommender.live
        told = []
        for token, semantic_id in zip(tokens, live.semantic_ids(tokens)):
            label = live.labels.get(token, ItemLabel())
            known = {"item": token, "title": label.title, "category": label.category, "semantic_id": semantic_id}
            told.append({**known, "added": live.numbers[token] > live.n_of_run})
        return told

    def find_items(self, query: str, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Return the best items for a query that may be recommended, at most ``limit``, and how many there are."""
        live = self.recommender.live
        found = self.search.find(query, live.recommended[1:].numpy())
        return self.items([live.tokens[row] for row in found[:limit].tolist()]), len(found)

    def told(self, found: Sequence[Sequence[Recommendation]]) -> list[list[dict[str, Any]]]:
        """Return recommendations as they are told to clients."""
        semantic_ids = iter(self.recommender.semantic_ids([one.item for row in found for one in row]))
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
