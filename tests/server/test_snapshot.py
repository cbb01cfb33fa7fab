"""The index of added items grows with them, and never holds what the catalogue no longer says."""

from __future__ import annotations

from collections import ChainMap
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from recbole_adasid.data.item_labels import ItemLabel  # noqa: E402
from recbole_adasid.server import snapshot as module  # noqa: E402
from recbole_adasid.server.item_search import ItemSearch, SearchedItems  # noqa: E402
from recbole_adasid.server.snapshot import Snapshot  # noqa: E402

OF_RUN = {f"i{number}": ItemLabel(f"a red thing {number}", "things") for number in range(3)}


def recommender(added: dict[str, ItemLabel]) -> Any:
    live = SimpleNamespace(n_of_run=3, changes=SimpleNamespace(tokens=list(added), labels=list(added.values())))
    return SimpleNamespace(live=live, tokens=[*OF_RUN, *added], labels=ChainMap(added, OF_RUN))


def found(search: ItemSearch, query: str) -> list[int]:
    return search.find(query, np.ones(sum(map(len, search.parts)), dtype=bool)).tolist()


def test_one_item_at_a_time_is_found_as_in_a_new_index_and_indexed_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    indexed: list[int] = []

    class Counted(SearchedItems):
        def __init__(self, tokens: Any, labels: Any) -> None:
            super().__init__(tokens, labels)
            indexed.append(len(tokens))

    monkeypatch.setattr(module, "SearchedItems", Counted)
    labels = [ItemLabel(f"{'red' if number % 3 else 'blue'} thing {number}", "new") for number in range(64)]
    added = {f"n{number}": label for number, label in enumerate(labels)}
    snapshots = [Snapshot(recommender({}))]
    for count in range(1, 65):
        snapshots.append(Snapshot(recommender(dict(list(added.items())[:count])), snapshots[-1]))
    assert sum(indexed) == 3 + 64 + 6 * 32 and len(snapshots[-1].search.parts) == 2
    for count in (1, 7, 32, 63, 64):
        whole = Snapshot(recommender(dict(list(added.items())[:count])))
        for query in ("red", "thing 1", f"n{count - 1}", ""):
            assert found(snapshots[count].search, query) == found(whole.search, query)


def test_items_that_were_labelled_otherwise_are_indexed_again() -> None:
    former = Snapshot(recommender({"n0": ItemLabel("red", ""), "n1": ItemLabel("blue", "")}))
    now = Snapshot(recommender({"n0": ItemLabel("green", ""), "n1": ItemLabel("blue", "")}), former)
    assert found(now.search, "green") == [3] and found(now.search, "blue") == [4]
    fewer = Snapshot(recommender({"n0": ItemLabel("green", "")}), now)
    assert found(fewer.search, "green") == [3] and found(fewer.search, "blue") == []
