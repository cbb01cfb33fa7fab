from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.item_categories import Categories

TEXTS = [
    *("Toys > Puzzles", "Toys > Puzzles | Gifts", "Toys > Games", "Toys > Games", "Toys", "", "Toys > Dolls"),
    *("Toys > Games, Board", "Gifts; Board", "", "Toys > Puzzles > Floor", "Toys"),
]


def literal_parts(text: str) -> set[str]:
    for separator in ">|;":
        text = text.replace(separator, ",")
    return {part.strip() for part in text.split(",") if part.strip()}


def test_the_typical_category_is_the_one_whose_share_exceeds_the_overall_share_by_most() -> None:
    groups = np.random.default_rng(0).integers(4, size=len(TEXTS))
    groups[0] = 4  # alone
    categories = Categories(TEXTS)
    place, share = categories.typical(groups, 6)
    parts = [literal_parts(text) for text in TEXTS]
    names = sorted(set().union(*parts))
    assert categories.names == names
    overall = {name: sum(name in own for own in parts) / len(parts) for name in names}
    assert categories.shares == pytest.approx([overall[name] for name in names])
    for group in range(5):
        own = [parts[row] for row in range(len(parts)) if groups[row] == group]
        within = {name: sum(name in one for one in own) / len(own) for name in set().union(*own)}
        best = min(within, key=lambda name: (-round(within[name] - overall[name], 12), -within[name], name))
        assert categories.names[place[group]] == best and share[group] == pytest.approx(within[best])
    assert place[5] == -1 and share[5] == 0


def test_items_without_a_category_have_no_typical_one() -> None:
    place, share = Categories(["", " ", ""]).typical(np.array([0, 0, 1]), 2)
    assert place.tolist() == [-1, -1] and share.tolist() == [0, 0]


def test_recurring_words_without_separators_are_categories_of_their_own() -> None:
    genres = ["Action", "Comedy Drama", "Action Drama", "Comedy", "Action Comedy", "Drama", "Action Comedy Drama"]
    assert Categories(genres).names == ["Action", "Comedy", "Drama"]
    assert Categories(["Home Kitchen", "Garden Tools", "Home"]).names == ["Garden Tools", "Home", "Home Kitchen"]
    assert "Home Kitchen" in Categories([*genres, "Home Kitchen > Tea"]).names


def test_counts_are_those_of_a_loop() -> None:
    categories, rows = Categories(TEXTS), np.array([0, 1, 1, 5, 9, 10])
    expected = [sum(name in literal_parts(TEXTS[row]) for row in rows) for name in categories.names]
    assert categories.counts(rows).tolist() == expected
