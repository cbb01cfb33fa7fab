"""What codes mean, compared with counting word by word."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.serving.code_meaning import CodeMeanings, log_likelihood_ratio
from recbole_adasid.serving.live_catalogue import LiveCatalogue

N = 60
TOKENS = [f"i{number}" for number in range(N)]


def made_up() -> tuple[LiveCatalogue, list[list[int]]]:
    """Items with three first codes; those of code 0 are about tea, and every title has "the"."""
    random = np.random.default_rng(0)
    first = random.integers(3, size=N)
    codes = np.column_stack([first, random.integers(4, size=N)])
    words = ["red", "blue", "green", "small", "large", "old"]
    titles = [
        f"The {random.choice(words)} {random.choice(words)} {'Tea-pot' if code == 0 else 'pot'} {'x' * int(code == 2)}"
        for code in first
    ]
    categories = [("Home > Tea", "Home > Cups", "Garden")[code] if row % 5 else "" for row, code in enumerate(first)]
    labels = dict(zip(TOKENS, map(ItemLabel, titles, categories)))
    del labels["i7"]
    catalogue = Catalogue(torch.from_numpy(codes), [8, 4])
    return LiveCatalogue(catalogue, TOKENS, labels=labels), catalogue.tokens[1:].tolist()


def literal_words(live: LiveCatalogue, below: list[str]) -> list[str]:
    """Return the distinctive words of some items by counting each word."""
    own = {
        token: set(re.findall(r"[a-z]{2,}", " ".join(live.labels.get(token, ItemLabel())).lower())) for token in TOKENS
    }
    found = {}
    for word in sorted(set().union(*own.values())):
        here, overall = (sum(word in own[token] for token in some) for some in (below, TOKENS))
        share, rest = here / len(below), (overall - here) / max(1, N - len(below))

        def likelihood(hits: int, size: int, chance: float) -> float:
            return sum(n * math.log(p) for n, p in ((hits, chance), (size - hits, 1 - chance)) if n)

        ratio = 2 * (
            likelihood(here, len(below), share)
            + likelihood(overall - here, N - len(below), rest)
            - likelihood(overall, N, overall / N)
        )
        if here >= 2 and share >= 3 * overall / N and ratio >= 10.83:
            found[word] = ratio
    return sorted(found, key=lambda word: -found[word])


def test_words_categories_and_numbers_are_those_of_counting() -> None:
    live, sids = made_up()
    meanings = CodeMeanings(live)
    for prefix in sorted({tuple(sid[:length]) for sid in sids for length in range(len(sid) + 1)}):
        below = [token for token, sid in zip(TOKENS, sids) if tuple(sid[: len(prefix)]) == prefix]
        found = meanings.of(prefix, limit=100)
        assert (found.prefix, found.items) == (list(prefix), len(below))
        assert sorted(found.words) == sorted(literal_words(live, below))
        counts: dict[str, int] = {}
        for token in below:
            for part in live.labels.get(token, ItemLabel()).category.split(" > "):
                counts[part] = counts.get(part, 0) + 1
        assert dict(found.categories) == {name: count for name, count in counts.items() if name}
        assert sorted(example.item for example in found.examples) == sorted(below)
        assert all(example.title == live.labels.get(example.item, ItemLabel()).title for example in found.examples)


def test_the_most_distinctive_come_first_and_no_more_than_asked_for() -> None:
    live, sids = made_up()
    found = CodeMeanings(live).of([0], limit=1)
    assert found.words == ["tea"] and found.categories[0][0] == "Tea"
    assert len(found.examples) == 1 and sids[TOKENS.index(found.examples[0].item)][0] == 0
    everything = CodeMeanings(live).of([], limit=4)
    assert everything.items == N and everything.words == []
    assert {sids[TOKENS.index(example.item)][0] for example in everything.examples} == {0, 1, 2}


def test_the_evidence_of_a_word_is_the_textbook_s() -> None:
    # Dunning (1993) as in the usual 2 × 2 table: 10 of 100 against 5 of 400.
    found = log_likelihood_ratio(np.array([10.0, 0.0, 100.0]), 100, np.array([15.0, 0.0, 500.0]), 500)
    table = np.array([[10, 90], [5, 395]])
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    assert found == pytest.approx([2 * float((table * np.log(table / expected)).sum()), 0.0, 0.0])


def test_removed_items_do_not_count() -> None:
    live, sids = made_up()
    below = [token for token, sid in zip(TOKENS, sids) if sid[0] == 1]
    live.remove(below[1:])
    found = CodeMeanings(live).of([1])
    assert found.items == 1 and [example.item for example in found.examples] == below[:1]


def test_without_titles_there_are_only_numbers() -> None:
    live = LiveCatalogue(Catalogue(torch.tensor([[0], [1], [1]]), [2]), ["a", "b", "c"], labels={})
    found = CodeMeanings(live).of([1])
    assert (found.items, found.words, found.categories) == (2, [], [])
    assert [tuple(example) for example in found.examples] == [("b", ""), ("c", "")]


@pytest.mark.parametrize("prefix", [[7], [0, 3, 9], [-1], [8], [2**70]])
def test_a_prefix_that_no_item_has_is_told(prefix: list[int]) -> None:
    with pytest.raises(ValueError, match=r"no Semantic ID begins with \["):
        CodeMeanings(made_up()[0]).of(prefix)


def test_a_prefix_that_is_too_long_is_told() -> None:
    with pytest.raises(ValueError, match=r"the prefix \[0, 0, 0, 0\] has 4 codes: give at most 3"):
        CodeMeanings(made_up()[0]).of([0, 0, 0, 0])
