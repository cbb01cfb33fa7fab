"""Item search as one types, compared with a loop over the items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.server.item_search import ItemSearch, SearchedItems, words_of

ITEMS = {
    "b0": ItemLabel("Star Wars: A New Hope", "Action Sci-Fi"),
    "b1": ItemLabel("The Stars Fell on Henrietta", "Drama"),
    "star": ItemLabel("Another one", "Drama"),
    "b3": ItemLabel("Amélie", "Comedy Star-vehicle"),
    "b4": ItemLabel("", ""),
    "b5": ItemLabel("Star", "Drama"),
}


def search_of(items: dict[str, ItemLabel], n_of_run: int) -> ItemSearch:
    tokens, labels = list(items), list(items.values())
    return ItemSearch(
        [SearchedItems(tokens[:n_of_run], labels[:n_of_run]), SearchedItems(tokens[n_of_run:], labels[n_of_run:])]
    )


def literal(items: dict[str, ItemLabel], query: str, allowed: list[bool]) -> list[int]:
    found = []
    for row, (token, label) in enumerate(items.items()):
        title, other, worth = words_of(label.title), words_of(f"{token} {label.category}"), []
        for word in dict.fromkeys(words_of(query)):
            matches = [0]
            matches += [4 + (one == word) for one in title if one.startswith(word)]
            matches += [2 + (one == word) for one in other if one.startswith(word)]
            worth.append(max(matches))
        total = 10**6 if token == query.strip() else sum(worth) if all(worth) else 0
        if allowed[row] and total:
            found.append((-total, len(title), row))
    return [row for _, _, row in sorted(found)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("star", ["star", "b5", "b0", "b1", "b3"]),  # the token, whole words of titles, beginnings, categories
        ("STAR w", ["b0"]),
        ("sta dra", ["b5", "b1", "star"]),
        ("amelie", ["b3"]),
        ("AMÉLIE com", ["b3"]),
        ("b4", ["b4"]),
        ("tar", []),
        ("star nothing", []),
        (" - ", list(ITEMS)),
        ("", list(ITEMS)),
    ],
)
@pytest.mark.parametrize("n_of_run", [0, 3, 6])
def test_every_word_of_a_query_begins_a_word(query: str, expected: list[str], n_of_run: int) -> None:
    found = search_of(ITEMS, n_of_run).find(query, np.ones(len(ITEMS), bool))
    assert [list(ITEMS)[row] for row in found] == expected


words = st.sampled_from(["a", "ab", "abc", "b", "ba", "Ä", "c7", "-"])
texts = st.lists(words, max_size=4).map(" ".join)


@settings(max_examples=40)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=9), texts.filter(words_of), st.data())
def test_the_index_finds_what_a_loop_finds(labels: list[tuple[str, str]], query: str, data: st.DataObject) -> None:
    items = {f"t{row} a": ItemLabel(*label) for row, label in enumerate(labels)}
    allowed = data.draw(st.lists(st.booleans(), min_size=len(items), max_size=len(items)))
    search = search_of(items, data.draw(st.integers(0, len(items))))
    assert search.find(query, np.array(allowed)).tolist() == literal(items, query, allowed)
