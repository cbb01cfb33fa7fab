"""Tables of JSON lines."""

from __future__ import annotations

import json

import pytest

from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items
from recbole_adasid.settings.errors import SettingsError

COLUMNS = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}
ITEM_COLUMNS = {"item_id": "sku", "title": "name", "colour": "Farbe"}


def test_a_byte_order_mark_before_json_lines_costs_no_line(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"item_id": 1, "title": "a"}\n{"item_id": 2, "title": "b"}\n')
    assert list(table_items(RawTable(tmp_path / "a.jsonl"), {}).rows) == [("1", "a"), ("2", "b")]


def test_json_columns_that_come_late_are_kept(tmp_path):
    goods = [{"sku": number} for number in range(1200)]
    goods.append({"sku": 1200, "name": "late", "price": 3, "Farbe": "red", "year": 1999})
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in goods))
    rows = table_items(RawTable(tmp_path / "a.jsonl"), ITEM_COLUMNS, kept=["year"])
    assert rows.columns == ("item_id:token", "title:token", "price:float", "year:token", "colour:token")
    found = list(rows.rows)
    assert (found[0], found[-1]) == (("0", "", "", "", ""), ("1200", "late", "3.00", "1999", "red"))
    with pytest.raises(SettingsError, match="no column 'size' for size among sku, name, price, Farbe, year"):
        table_items(RawTable(tmp_path / "a.jsonl"), {**ITEM_COLUMNS, "size": "size"})


def test_a_json_interaction_table_may_name_its_times_late(tmp_path):
    lines = [{"customer": "u", "sku": 1}] * 1200 + [{"customer": "u", "sku": 1, "when": 5}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert list(table_interactions(RawTable(tmp_path / "a.jsonl"), COLUMNS).rows) == [("u", "1", "5")]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_array_is_told_what_to_write_instead(tmp_path, indent):
    (tmp_path / "a.json").write_text(json.dumps([{"item_id": 1}, {"item_id": 2}], indent=indent))
    with pytest.raises(ValueError, match=r"a.json is a JSON array: write one object per line .* jq -c '.\[\]'"):
        RawTable(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["", '{\n "item_id": 1\n}\n'])
def test_json_without_a_record_per_line_is_told_what_to_write_instead(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SettingsError, match="a.json has no line with a JSON object: write one object per line"):
        table_items(RawTable(tmp_path / "a.json"), {})
