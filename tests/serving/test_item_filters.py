"""Filters keep to the items as they are now, whichever way the items are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from new_items import items
from recbole_adasid.serving.recommender import Recommender


@pytest.mark.parametrize("filters", [{}, {"category": "red"}, {"new_share": 0.5}, {"exclude_seen": False}])
def test_a_few_denied_items_are_left_out_like_many(
    filters: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = Recommender.load(folder)
    recommender.add_items(["new1", "new2"], table={"item_id": ["new1", "new2"], "title": ["the red thing"] * 2})
    histories, deny = [["i2"], ["i5", "i6"], ["unknown"]], ["i3", "i7", "i3", "new1"]
    found = recommender.recommend_many(histories, 30, deny=deny, **filters)
    monkeypatch.setattr("recbole_adasid.serving.item_filters.FEW", 0)
    expected = recommender.recommend_many(histories, 30, deny=deny, **filters)
    assert [items(one) for one in found] == [items(one) for one in expected] and len(found[0]) > 5
    assert not {"i3", "i7", "new1"} & set(items(found[0]) + items(found[1]))


def test_categories_are_those_of_the_items_as_they_are_now(folder: Path) -> None:
    recommender = Recommender.load(folder)
    before = items(recommender.recommend(["i2"], 40, category="RED", exclude_seen=False))
    former = recommender.copy()
    recommender.add_items(["new"], table={"item_id": ["new"], "title": ["a Red, new thing"]})
    assert {*items(recommender.recommend(["i2"], 40, category="RED", exclude_seen=False))} == {*before, "new"}
    recommender.remove_items(["i3"])
    found = recommender.recommend(["i2"], 40, category="RED", exclude_seen=False)
    assert {*items(found)} == {*before, "new"} - {"i3"}
    assert items(former.recommend(["i2"], 40, category="RED", exclude_seen=False)) == before
    with pytest.raises(ValueError, match=r"no item has the category 'x{50}x*\.\.\.: use one such as"):
        recommender.recommend(["i2"], category="x" * 10**6)


def test_trees_of_categories_are_kept_and_of_nothing_else(folder: Path) -> None:
    recommender = Recommender.load(folder)
    kept = recommender.live.trees._kept
    for options in ({}, {"deny": ["i3"]}, {"allow": ["i1", "i2"]}, {"category": "red", "allow": ["i1", "i3"]}):
        recommender.recommend(["i2"], 3, **options)
    assert not kept
    for category in ("red", "Red", "blue", "the", "thing", "number", "i1", "i2", "i3", "i4", "i5"):
        recommender.recommend(["i2"], 3, category=category, exclude_seen=False)
    assert len(kept) == 8 and ("i5", False) in kept and ("red", False) not in kept
