"""Defaults go by the columns that the `.item` file has; what the user names has to be there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.settings.errors import SettingsError

ITEMS = [f"i{number}" for number in range(20)]


@pytest.fixture
def given(tiny_settings: dict[str, Any], write_dataset: Any, tmp_path: Path) -> dict[str, Any]:
    """Settings of a run that leave the text columns to the defaults."""
    rows = [(f"u{user}", f"i{(user + step) % 20}", str(1000 + step)) for user in range(30) for step in range(5)]
    kept = {key: value for key, value in tiny_settings.items() if key != "text_fields"}
    return {**kept, "data_path": str(write_dataset(tmp_path / "data", rows)), "epochs": 1, "report": False}


def write_items(given: dict[str, Any], **columns: str) -> Path:
    """Write an `.item` file with these columns, the words of which depend on the item."""
    path = Path(given["data_path"]) / "tiny" / "tiny.item"
    head = "\t".join(["item_id:token", *(f"{name}:{kind}" for name, kind in columns.items())])
    cells = ("\t".join([item, *(f"{number % 7}{len(name)}" for name in columns)]) for number, item in enumerate(ITEMS))
    path.write_text("\n".join([head, *cells, ""]), encoding="utf-8")
    return path


def test_a_default_goes_by_the_columns_that_are_there(given, caplog):
    write_items(given, categories="token", colour="token", title="token")
    with caplog.at_level(logging.INFO):
        folder = run(given)["run_folder"]
    assert "tiny.item has no brand and no price: item features come from title, categories." in caplog.text
    written = yaml.safe_load((folder / "config.yaml").read_text())
    assert written["text_fields"] == ["title", "categories"]
    assert all(holds for _, holds in audit(folder))  # a run from the settings that were written down


def test_the_same_result_as_naming_the_columns_that_are_there(given):
    write_items(given, categories="token", title="token")
    named, default = run({**given, "text_fields": ["title", "categories"], "cache_dir": None}), run(given)
    assert named["test"] == default["test"] and named["semantic_ids"].fingerprint == default["semantic_ids"].fingerprint


def test_all_columns_there_say_nothing(given, caplog):
    write_items(given, title="token", brand="token", categories="token", price="float")
    config = build_config(given)
    assert config["text_fields"] == ["title", "brand", "categories", "price"]
    run(given)
    assert "to choose the columns" not in caplog.text


def test_none_of_the_default_columns_is_refused_with_a_remedy_that_works(given):
    write_items(given, name="token", image_size="float", colour="token_seq")
    with pytest.raises(
        SettingsError, match=r"tiny.item has name, image_size, colour and none of the default text col"
    ) as error:
        build_config(given)
    proposed = str(error.value).partition('text_fields="')[2].partition('"')[0]
    assert yaml.safe_load(proposed) == ["name", "colour"]
    run({**given, "text_fields": ["name", "colour"]})


def test_a_table_of_items_alone_is_refused(given):
    write_items(given)
    with pytest.raises(SettingsError, match="has no column but item_id and none of .*: add one, or set item_features"):
        build_config(given)


@pytest.mark.parametrize("key", ["title_field", "category_field"])
def test_a_label_that_the_user_names_has_to_be_there_and_a_default_has_not(key, given, caplog):
    write_items(given, name="token")
    with pytest.raises(
        SettingsError, match=rf"{key} names the column 'nme', which tiny.item lacks: did you mean 'name'"
    ):
        build_config({**given, "text_fields": ["name"], key: "nme"})
    with caplog.at_level(logging.INFO):
        folder = run({**given, "text_fields": ["name"]})["run_folder"]
    assert "tiny.item has no title: items are shown by token, unless title_field names a column" in caplog.text
    assert "tiny.item has no categories: recommendations cannot be filtered" in caplog.text
    build_config({}, [folder / "config.yaml"])  # which names the defaults


def test_texts_that_are_not_needed_are_not_asked_for(given):
    write_items(given, name="token")
    for other in (
        {"item_features_file": "v.npz"},
        {"text_template": "{name}"},
        {"modalities": [{"text_fields": ["name"]}]},
    ):
        assert build_config({**given, **other})["text_fields"] == ["title", "brand", "categories", "price"]
    assert build_config({**given, "sids_file": "bundle"})["text_fields"] == []


def test_a_dataset_that_is_made_by_the_run_settles_its_columns_then(given, tmp_path):
    home = Path(given["data_path"]) / "tiny"
    log = [line.split("\t") for line in (home / "tiny.inter").read_text().splitlines()[1:]]
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + "".join(",".join(row) + "\n" for row in log))
    (tmp_path / "goods.csv").write_text("item_id,title\n" + "".join(f"{item},number {item}\n" for item in ITEMS))
    tables = {"interactions_table": str(tmp_path / "log.csv"), "items_table": str(tmp_path / "goods.csv")}
    folder = run({**given, **tables, "data_path": str(tmp_path / "made")})["run_folder"]
    assert yaml.safe_load((folder / "config.yaml").read_text())["text_fields"] == ["title"]


def test_a_table_that_cannot_be_read_is_left_to_who_needs_it(given):
    for content in (b"", b"item_id\ttitle\n", b"\xff\xfe"):
        (Path(given["data_path"]) / "tiny" / "tiny.item").write_bytes(content)
        assert build_config(given)["text_fields"] == ["title", "brand", "categories", "price"]
