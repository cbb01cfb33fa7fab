"""Tables of new items: the run's own columns, other names, missing columns."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.plugin.run import run
from recbole_adasid.serving import change_items as new_items
from recbole_adasid.serving.new_item_table import first_rows, own_columns, with_absent_columns
from recbole_adasid.serving.recommender import Recommender


@pytest.fixture(scope="module")
def odd_settings(settings: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Settings of a dataset whose `.item` file has custom column names, including the item column's."""
    home = tmp_path_factory.mktemp("odd") / "tiny"
    shutil.copytree(Path(str(settings["data_path"])) / "tiny", home)
    for suffix in ("inter", "item"):
        text = (home / f"tiny.{suffix}").read_text().replace("item_id:token", "asin:token")
        (home / f"tiny.{suffix}").write_text(text.replace("title:token", "product name:token"))
    lines = (home / "tiny.item").read_text().splitlines()
    colours = ["colour:token", *(["red", "blue", "green"][row % 3] for row in range(20))]
    (home / "tiny.item").write_text("".join(f"{line}\t{colour}\n" for line, colour in zip(lines, colours)))
    odd = {"ITEM_ID_FIELD": "asin", "text_fields": ["product name", "colour"], "title_field": "product name"}
    return {**settings, "data_path": str(home.parent), "category_field": "colour", **odd}


@pytest.fixture(scope="module")
def odd_run(odd_settings: dict[str, object]) -> Path:
    return run(odd_settings)["run_folder"]


ODD = {
    "csv": "asin,product name,colour\nn1,the red thing,red\n",
    "item": "asin:token\tproduct name:token\tcolour:token\nn1\tthe red thing\tred\n",
    "tsv": "item_id\tproduct name\tcolour\tunused\nn1\tthe red thing\tred\tx\n",
    "jsonl": '{"asin": "n1", "product name": "the red thing", "colour": "red"}\n',
}


@pytest.mark.parametrize("ending", ODD)
def test_a_table_with_the_run_s_own_columns_needs_no_mapping(ending: str, odd_run: Path, tmp_path: Path) -> None:
    (tmp_path / f"new.{ending}").write_text(ODD[ending])
    recommender = Recommender.load(odd_run)
    columns = new_items.read_table(tmp_path / f"new.{ending}", {}, run=recommender.run_settings)
    chosen = {name: columns[name] for name in ("item_id", "product name", "colour")}
    assert chosen == {"item_id": ["n1"], "product name": ["the red thing"], "colour": ["red"]}
    arrival = recommender.add_items(["n1"], table=columns)
    assert recommender.labels["n1"] == ItemLabel("the red thing", "red")
    same = {"item_id": ["n1"], "product name": ["the red thing"], "colour": ["red"]}
    assert arrival == Recommender.load(odd_run).add_items(["n1"], table=same)


def test_a_table_of_other_names_is_mapped_to_the_run_s(odd_run: Path, tmp_path: Path) -> None:
    settings = Recommender.load(odd_run).run_settings
    (tmp_path / "new.csv").write_text("sku;name\nn1;the red thing\n")

    def read(path: Path, mapping: dict[str, str]) -> dict[str, list[str]]:
        return new_items.read_table(path, mapping, run=settings, delimiter="semicolon")

    for items in ("item_id", "asin"):
        found = read(tmp_path / "new.csv", {items: "sku", "title": "name"})
        assert found["item_id"] == ["n1"] and found["title"] == ["the red thing"]
    (tmp_path / "new.item").write_text("sku:token\tname:token\nn1\tthe red thing\n")
    found = read(tmp_path / "new.item", {"item_id": "sku", "product name": "name"})
    assert found["item_id"] == ["n1"] and found["product name"] == ["the red thing"]
    with pytest.raises(ValueError, match="columns names the column 'nam', which new.item lacks: did you mean 'name'"):
        read(tmp_path / "new.item", {"item_id": "sku", "product name": "nam"})
    with pytest.raises(ValueError, match="no column 'asin' for item_id among sku, name: map it, as in --columns="):
        read(tmp_path / "new.csv", {})


def test_a_table_like_the_one_the_run_was_made_from_is_read_like_it(tmp_path: Path) -> None:
    made = {"items_columns": {"item_id": "sku", "title": "name"}, "modalities": None, "item_features_file": None}
    made |= {"text_fields": ["title", "brand"], "text_template": None, "title_field": "title"}
    (tmp_path / "new.csv").write_text("sku,name,title,brand\nn1,the red thing,Dr,Acme\n")
    found = new_items.read_table(tmp_path / "new.csv", {}, run=made)
    assert found == {"item_id": ["n1"], "title": ["the red thing"], "brand": ["Acme"]}
    (tmp_path / "new.csv").write_text("item_id,title,brand\nn1,the red thing,Acme\n")
    assert new_items.read_table(tmp_path / "new.csv", {}, run=made) == found
    with pytest.raises(ValueError, match="no column 'what' for title"):
        new_items.read_table(tmp_path / "new.csv", {"title": "what"}, run=made)


FIRST = {"item_id": "sku", "title": "name", "brand": "maker", "categories": "department"}


@pytest.mark.parametrize(
    ("header", "given", "expected"),
    [
        ("sku,name,department", {}, {"title": "name", "categories": "department"}),
        ("sku,name,label", {"brand": "label"}, {"title": "name", "brand": "label"}),
        ("item_id,name,maker", {}, {"title": "name", "brand": "maker"}),
        ("sku,title,maker", {}, {"title": "title", "brand": "maker"}),
        ("sku,item_id,name,title,department", {}, {"title": "name", "categories": "department"}),
        ("item_id,sku,title,brand,name", {}, {"title": "title", "brand": "brand"}),
        ("item_id,title,name", {"title": "name"}, {"title": "name"}),
    ],
)
def test_columns_of_the_run_s_own_table_are_found_one_by_one(
    header: str, given: dict[str, str], expected: dict[str, str], tmp_path: Path
) -> None:
    made = {"items_columns": FIRST, "modalities": None, "item_features_file": None, "text_template": None}
    made |= {"text_fields": ["title", "brand", "categories"], "title_field": "title"}
    columns = header.split(",")
    (tmp_path / "new.csv").write_text(f"{header}\n{','.join(f'a {column}' for column in columns)}\n")
    found = new_items.read_table(tmp_path / "new.csv", given, run=made)
    assert found.pop("item_id") == [f"a {columns[0]}"]
    assert found == {name: [f"a {raw}"] for name, raw in expected.items()}


def test_a_text_column_that_new_items_lack_counts_as_empty(odd_run: Path, caplog: pytest.LogCaptureFixture) -> None:
    lacking, empty = Recommender.load(odd_run), Recommender.load(odd_run)
    names = {"item_id": ["n1"], "product name": ["the red thing"]}
    arrival = lacking.add_items(["n1"], table=names)
    assert "has no colour: treated as empty. If the column has another name, map it" in caplog.text
    assert arrival == empty.add_items(["n1"], table={**names, "colour": [""]})
    with pytest.raises(
        ValueError, match="names the column 'product name', which the table of new items lacks.*columns="
    ):
        lacking.add_items(["n2"], table={"item_id": ["n2"], "name": ["the red thing"]})


def test_a_modality_that_all_new_items_miss_is_allowed_as_it_is_for_single_ones(caplog) -> None:
    table = {"item_id": ["n1"], "title": ["the red thing"]}
    config = {"modalities": [{"text_fields": ["title"]}, {"image_field": "picture"}], "missing_modality": "allow"}
    config |= {"item_features_file": None, "text_fields": ["never read"], "text_template": None}
    assert with_absent_columns(table, config) == {**table, "picture": [""]}
    assert "has no picture: treated as empty" in caplog.text
    with pytest.raises(ValueError, match="image_field names the column 'picture', which the table of new items lacks"):
        with_absent_columns(table, {**config, "missing_modality": "refuse"})


def test_cells_of_a_table_in_memory_become_those_of_a_file(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "item_id": ["n1", 7, 8.0, "n1", None],
        "title": ["Tom &amp; Jerry", 7, 7.5, "again", "x"],
        "categories": [["Toys", "Trains"], [["A"], ["B", "C"]], "D", "E", "F"],
        "price": [12.5, "$3", None, 1, 1],
        "colour": [["red", "blue"], date(2024, 1, 2), True, "x", "x"],
    }
    pd.DataFrame(columns).astype({"item_id": object}).to_json(
        tmp_path / "new.jsonl", orient="records", lines=True, date_format="iso"
    )
    run = {"modalities": None, "item_features_file": None, "text_template": None, "text_fields": [*columns][1:]}
    in_file = new_items.read_table(tmp_path / "new.jsonl", {}, run=run)
    for frame in (columns, pd.DataFrame(columns), {name: np.array(given, object) for name, given in columns.items()}):
        found = first_rows(frame, [*columns])  # type: ignore[arg-type]
        assert {name: column[:3] for name, column in found.items()} == {
            "item_id": ["n1", "7", "8"],
            "title": ["Tom &amp; Jerry", "7", "7.5"],
            "categories": ["Toys > Trains", "A | B > C", "D"],
            "price": ["12.50", "$3", ""],
            "colour": ["red, blue", "2024-01-02", ""],
        }
        assert found["item_id"] == ["n1", "7", "8", ""]
    assert in_file["categories"][:3] == found["categories"][:3] and in_file["item_id"][:3] == found["item_id"][:3]
    numbers = {"item_id": np.arange(2), "title": np.array([[1, 2], [3, 4]]), "unread": np.eye(2)}
    found = first_rows(numbers, ["title"])  # type: ignore[arg-type]
    assert found["item_id"] == ["0", "1"] and found["title"] == ["1, 2", "3, 4"] and found["unread"][0][0] == 1


def test_nested_values_of_a_data_frame_become_the_cells_of_its_parquet_file(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    moment = datetime(2024, 1, 2, 3, 4)
    columns = {
        "categories": [[["Toys", "Trains"], ["Toys"]], [["A", None], None]],
        "numbers": [[[1, 2], [3]], [[], [4]]],
        "decimals": pa.array([[Decimal("1.50")], [Decimal(2), None]]),
        "time": pa.array([moment, None], pa.timestamp("ns")),
        "times": pa.array([[moment, None], []], pa.list_(pa.timestamp("ns"))),
        "zoned": pa.array([moment, None], pa.timestamp("us", "Europe/Berlin")),
        "days": [[date(2024, 1, 2)], None],
    }
    parquet.write_table(pa.table({"item_id": ["n1", "n2"], **columns}), tmp_path / "new.parquet")
    run = {"modalities": None, "item_features_file": None, "text_template": None, "text_fields": [*columns]}
    found = first_rows(pd.read_parquet(tmp_path / "new.parquet"), [*columns])  # type: ignore[arg-type]
    assert found == new_items.read_table(tmp_path / "new.parquet", {}, run=run)
    arrow = parquet.read_table(tmp_path / "new.parquet")
    assert found == first_rows(dict(zip(arrow.column_names, arrow.columns)), [*columns])
    assert [column[0] for column in found.values()][1:6] == [
        *("Toys > Trains | Toys", "1, 2, 3", "1.5", "2024-01-02 03:04:00", "2024-01-02 03:04:00"),
    ]


def test_entries_of_lists_and_arrays_are_converted_as_values_are() -> None:
    time = np.datetime64("2024-01-02", "ns")
    given = [[[np.int64(1), np.int64(2)], [3]], [Decimal("1.5")], (np.float64(2.5), pd.NA), np.array([time]), time]
    found = first_rows({"item_id": [*"abcde"], "title": given}, ["title"])["title"]
    assert found == ["1, 2, 3", "1.5", "2.5", "2024-01-02 00:00:00", "2024-01-02 00:00:00"]


def test_items_without_a_row_are_told_from_those_without_a_text(odd_run: Path) -> None:
    recommender = Recommender.load(odd_run)
    table = {"item_id": [5, 6], "product name": [7.5, None], "colour": [["red"], None]}
    found = recommender.add_items(["5", "6", "x"], table=table, bad_items="skip")
    assert found.items == ["5"] and recommender.labels["5"] == ItemLabel("7.5", "red")
    assert found.refused["6"].startswith("it has no text")
    assert found.refused["x"] == "the table of new items has no row for it"
    with pytest.raises(ValueError, match="'y' cannot be added: the table of new items has no row for it"):
        recommender.add_items(["y"], table=table)


def test_the_dataset_s_features_as_a_modality_read_the_run_s_own_columns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = {"item_features_file": None, "text_fields": ["title", "colour"], "text_template": None}
    behaviour = {"behaviour": "cooccurrence"}
    run = {**texts, "modalities": [{"dataset_features": True, "width": 4}, behaviour], "missing_modality": "refuse"}
    alike = {**run, "modalities": [{"text_fields": texts["text_fields"]}, behaviour]}
    (tmp_path / "new.csv").write_text("item_id,title,colour,unread\nn1,the red thing,red,x\n")
    for one in (run, alike):
        assert own_columns(one) == ["title", "colour"]
        found = new_items.read_table(tmp_path / "new.csv", {}, run=one)
        assert found == {"item_id": ["n1"], "title": ["the red thing"], "colour": ["red"]}
        lacking = {"item_id": ["n1"], "title": ["the red thing"]}
        assert with_absent_columns(lacking, one) == {**lacking, "colour": [""]}
        assert "has no colour: treated as empty" in caplog.text
        caplog.clear()
        with pytest.raises(ValueError, match="'title', which the table of new items lacks"):
            with_absent_columns({"item_id": ["n1"]}, one)
    of_vectors = {**run, "item_features_file": "vectors.npz"}
    assert own_columns(of_vectors) == []


NO_LISTS: list[Any] = [5, None, {"n1": "red"}, {"red"}, np.array("red"), (title for title in ["red"])]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"item_id": ["n1"], "title": "red"},
            "the column 'title' of new items has to be a list with one value per item",
        ),
        ({"item_id": "n1", "title": ["r", "e"]}, "the column 'item_id' of new items"),
        ({"item_id": ["n1"], "title": ["of another row", "red"]}, "the column 'title' of new items"),
        ({"item_id": ["n1", "n2"], "title": ["red"]}, "the column 'title' of new items"),
        *(({"item_id": ["n1"], "title": one}, "the column 'title' of new items") for one in NO_LISTS),
        ({"title": ["red"], "item_id": None}, "the column 'item_id' of new items"),
    ],
)
def test_columns_are_lists_with_a_value_per_item(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        first_rows(given, ["title"])


def test_a_data_frame_with_two_columns_of_one_name_is_refused() -> None:
    with pytest.raises(ValueError, match="the table of new items has two columns named 'title': rename or drop one"):
        first_rows(pd.DataFrame([["n1", "red", "blue"]], columns=["item_id", "title", "title"]), ["title"])


def test_frames_of_any_library_are_read_as_lists_are(frame_of: Callable[[Any], Any]) -> None:
    columns = {"item_id": [5, 6, 5], "title": ["red", None, "x"], "tags": [["a", "b"], [], None]}
    expected = {"item_id": ["5", "6"], "title": ["red", ""], "tags": ["a, b", ""]}
    assert first_rows(frame_of(pd.DataFrame(columns)), ["title", "tags"]) == expected
    with pytest.raises(ValueError, match="the table of new items is of type list, not a table: pass a pandas, Polars"):
        first_rows([{"item_id": "n1"}], ["title"])
