"""Items found by category are those that a search through all of them finds."""

from __future__ import annotations

import re

import pytest

from recbole_adasid.data.category_search import CategorySearch

CATEGORIES = ["Home > Tea", "", "tea | Coffee", "Teapots", "Home > Tea", "C++ (books)", "Tee\nTea"]


@pytest.mark.parametrize("name", ["tea", "HOME", "Home > Tea", "pots", "C++", "(books", "Coffee", "e", "x" * 99])
def test_items_with_a_category(name: str) -> None:
    wanted = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    expected = [wanted.search(category) is not None for category in CATEGORIES]
    search = CategorySearch(CATEGORIES)
    assert search.items_with(name).tolist() == expected == search.items_with(name).tolist()
    assert search.of_items() == CATEGORIES


def test_no_items_have_no_category() -> None:
    assert CategorySearch([]).items_with("x").tolist() == []


def test_a_name_longer_than_every_category_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    search = CategorySearch(CATEGORIES)
    monkeypatch.setattr(re, "compile", lambda *_: pytest.fail("it became a pattern"))
    assert not search.items_with("x" * 10**6).any()
