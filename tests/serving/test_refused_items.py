"""Items that a file cannot hold are refused before anything changes; what is saved can be loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from new_items import table
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.serving.live_catalogue import LiveCatalogue
from recbole_adasid.serving.recommender import Recommender

VECTOR = np.zeros((1, 8), dtype=np.float32)
UNWRITABLE: list[tuple[str, dict[str, Any], str]] = [
    ("n1", {"table": {"item_id": ["n1"], "title": ["red\0thing"]}}, r"its title is 'red\\x00thing': it has to be text"),
    ("n1", {"labels": [ItemLabel("x", 7)]}, "its category is 7: it has to be text"),  # type: ignore[arg-type]
    ("n1", {"labels": [ItemLabel("x", float("nan"))]}, "its category is nan"),  # type: ignore[arg-type]
    ("n\0", {}, r"its token is 'n\\x00'"),
    ("n\ud800", {}, r"its token is 'n\\ud800'"),
    *((token, {}, "its token is blank, or holds a tab or line break") for token in ("", " ", "a\tb", "a\nb", "a\r")),
]


@pytest.mark.parametrize(("token", "given", "reason"), UNWRITABLE)
def test_what_a_file_cannot_hold_is_refused_and_the_rest_can_be_saved_and_loaded(
    token: str, given: dict[str, Any], reason: str, copy: Path
) -> None:
    recommender = Recommender.load(copy)
    before = recommender.live.changes
    with pytest.raises(ValueError, match=f"cannot be added: {reason}"):
        recommender.add_items([token], features=VECTOR, **given)
    assert recommender.live.changes is before
    skipped = recommender.add_items([token], features=VECTOR, **given, bad_items="skip")
    assert skipped.items == [] and list(skipped.refused) == [token]
    recommender.add_items(["good"], features=VECTOR)
    recommender.save()
    assert Recommender.load(copy).tokens[20:] == ["good"]
    lines = [json.loads(line) for line in (copy / "new-items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(lines[0]["refused"]) == [token]


def test_a_refused_item_takes_no_place_from_others(folder: Path) -> None:
    alone, together = Recommender.load(folder), Recommender.load(folder)
    alone.add_items(["a"], features=VECTOR)
    labels = [ItemLabel("\0"), ItemLabel("kept")]
    together.add_items(["bad", "a"], features=np.zeros((2, 8)), labels=labels, bad_items="skip")
    assert together.semantic_ids(["a"]) == alone.semantic_ids(["a"]) and together.labels["a"].title == "kept"


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
@pytest.mark.parametrize("features", [None, np.ones((2, 8))])
def test_missing_cells_of_a_table_are_empty_as_in_a_file(missing: Any, features: Any, folder: Path) -> None:
    in_memory, as_in_file = Recommender.load(folder), Recommender.load(folder)
    frame: Any = pd.DataFrame({"item_id": ["n1", "n2"], "title": ["the red thing", missing]}, index=[7, 7])
    given = {"features": features, "bad_items": "skip"}
    found = in_memory.add_items(["n1", "n2"], table=frame, **given)
    assert found == as_in_file.add_items(
        ["n1", "n2"], table={"item_id": ["n1", "n2"], "title": ["the red thing", ""]}, **given
    )
    assert dict(zip(found.items, map(in_memory.labels.get, found.items))) == {
        token: as_in_file.labels[token] for token in found.items
    }


def test_a_change_that_fails_leaves_the_catalogue_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = Recommender.load(folder)
    before = {name: value for name, value in vars(recommender.live).items() if name != "_unsaved"}

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("recbole_adasid.serving.live_catalogue.CategorySearch", fail)
    with pytest.raises(MemoryError):
        recommender.add_items(["n1"], features=VECTOR)
    assert all(vars(recommender.live)[name] is value for name, value in before.items())


def test_the_first_row_of_a_repeated_item_counts_and_the_repeat_is_reported(folder: Path) -> None:
    once, twice = Recommender.load(folder), Recommender.load(folder)
    expected = once.add_items(["new0", "new1"], table=table("the red thing number i3", "a blue thing"))
    columns = {"item_id": ["new0", "new1", "new0"], "title": ["the red thing number i3", "a blue thing", "else"]}
    found = twice.add_items(columns["item_id"], table=columns, bad_items="skip")
    assert found.items == expected.items and found.semantic_ids == expected.semantic_ids
    assert found.refused == {"new0": "occurs more than once: only its first row was read"}
    assert twice.labels["new0"].title == "the red thing number i3"
    by_vector = Recommender.load(folder)
    labels = [ItemLabel(name) for name in "abc"]
    by_vector.add_items(columns["item_id"], features=np.eye(3, 8), labels=labels, bad_items="skip")
    assert by_vector.labels["new0"].title == "a"


def test_labels_and_tables_that_do_not_fit_are_refused(folder: Path) -> None:
    live: LiveCatalogue = Recommender.load(folder).live
    with pytest.raises(ValueError, match="there are 1 labels for 2 items: give one label per item"):
        live.add(["a", "b"], features=np.zeros((2, 8)), labels=[ItemLabel()])
    with pytest.raises(ValueError, match="the table of new items has no column 'item_id'"):
        live.add(["a"], table={"title": ["x"]})
