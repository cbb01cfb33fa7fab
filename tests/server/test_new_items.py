"""The items of a request become the columns that the command line would read from the same records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from recbole_adasid.server.new_items import table_of  # noqa: E402
from recbole_adasid.server.requests import NewItem  # noqa: E402
from recbole_adasid.serving.change_items import read_table  # noqa: E402

RUN: dict[str, Any] = {"modalities": None, "item_features_file": None, "text_template": None, "title_field": "title"}
RUN |= {"text_fields": ["title", "brand", "categories", "price", "colours"]}
MAPPED = {
    "items_columns": {"item_id": "sku", "title": "name", "categories": "department", "price": "price", "colours": "hue"}
}


def table(run: dict[str, Any], *items: dict[str, Any]) -> dict[str, list[str]]:
    return table_of([NewItem(**one) for one in items], {**RUN, **run})[0]


def test_values_under_the_original_table_s_names_are_converted_as_on_the_command_line(tmp_path: Path) -> None:
    record = {"name": "Tom &amp; Jerry <b>train</b>", "department": ["Toys", "Trains"], "price": "$12.5"}
    record |= {"hue": ["red", "blue"], "brand": "Smith &amp; Sons"}
    (tmp_path / "new.jsonl").write_text(json.dumps({"sku": "a", **record}))
    found = table(MAPPED, {"item": "a", **record})
    assert found == {
        "item_id": ["a"],
        "title": ["Tom & Jerry train"],
        "brand": ["Smith & Sons"],
        "categories": ["Toys > Trains"],
        "price": ["12.50"],
        "colours": ["red, blue"],
    }
    assert read_table(tmp_path / "new.jsonl", {}, run={**RUN, **MAPPED}) == found


def test_the_names_of_a_table_that_needed_no_mapping_are_its_own() -> None:
    assert table({"items_table": "products.csv"}, {"item": "a", "title": "A &amp; B"})["title"] == ["A & B"]


def test_texts_under_the_item_file_s_own_names_are_taken_as_they_are() -> None:
    record = {"title": "R&amp;B", "brand": "<b>", "categories": "A | B", "price": "$12.5", "colours": "&amp;"}
    assert table({}, {"item": "a", **record}) == {"item_id": ["a"], **{name: [text] for name, text in record.items()}}
    assert table(MAPPED, {"item": "a", "title": "R&amp;B"})["title"] == ["R&amp;B"]


def test_lists_and_numbers_are_converted_for_the_columns_of_tables_and_joined_for_others() -> None:
    first = {"item": "a", "title": 7, "categories": ["Toys", "Trains"], "price": 12.5, "colours": ["red", "blue"]}
    found = table({}, first, {"item": "b", "colours": 3})
    assert found == {
        "item_id": ["a", "b"],
        "title": ["7", ""],
        "categories": ["Toys > Trains", ""],
        "price": ["12.50", ""],
        "colours": ["red blue", "3"],
    }


def test_values_of_every_kind_give_the_cells_that_the_command_line_makes_of_them(tmp_path: Path) -> None:
    values = [True, None, 7, 7.5, {"en": "x"}, ["red", 2, None, True], [["Toys", "Trains"], ["Toys", 4]], [[]], "x"]
    records = [{"name": value, "department": value, "price": value, "hue": value} for value in values]
    lines = [json.dumps({"sku": f"i{row}", **one}) for row, one in enumerate(records)]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    found = table(MAPPED, *({"item": f"i{row}", **one} for row, one in enumerate(records)))
    assert found == read_table(tmp_path / "new.jsonl", {}, run={**RUN, **MAPPED})
    assert found["categories"][5:7] == ["red > 2", "Toys > Trains | Toys > 4"]
    plain = table({}, *({"item": "a", "colours": value} for value in values))["colours"]
    assert plain == ["", "", "7", "7.5", "", "red 2", "Toys Trains Toys 4", "", "x"]


def test_every_item_may_use_either_name_of_a_column() -> None:
    items = [{"title": "A"}, {"name": "B &amp; C"}, {"title": "D", "name": "E"}, {}, {"title": None, "name": "F"}]
    records = [NewItem(item=f"i{row}", **one) for row, one in enumerate(items)]
    found, ignored = table_of(records, {**RUN, **MAPPED})
    assert found["title"] == ["A", "B & C", "D", "", ""] and ignored == []
    assert table_of(records[2:3], {**RUN, **MAPPED})[1] == ["name"]


def test_the_dataset_s_features_as_a_modality_read_the_fields_of_the_run() -> None:
    run = {"modalities": [{"dataset_features": True}, {"behaviour": "cooccurrence"}]}
    record = {"item": "a", "title": "The red thing", "brand": "Acme", "size": "L"}
    found, ignored = table_of([NewItem(**record)], {**RUN, **run})
    assert found == {"item_id": ["a"], "title": ["The red thing"], "brand": ["Acme"]} and ignored == ["size"]
