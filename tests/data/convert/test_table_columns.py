"""How a table's columns are found: separators, mapped and kept names, and what is said of missing ones."""

from __future__ import annotations

import pytest

from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import parse_value
from shop_tables import COLUMNS


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("customer,item,when\nu1,7,5\n")
    with pytest.raises(SettingsError, match=r"no column 'sku' for item_id among customer, item, when: map it, as in"):
        table_interactions(RawTable(table), COLUMNS)
    with pytest.raises(SettingsError, match=r"Unknown entry of columns 'title'"):
        table_interactions(RawTable(table), {**COLUMNS, "title": "item"})
    with pytest.raises(SettingsError, match=r"Unknown time_unit 'days'"):
        table_interactions(RawTable(table), COLUMNS, time_unit="days")
    with pytest.raises(SettingsError, match=r"'a:b' cannot name a column"):
        table_items(RawTable(table), {"a:b": "item"})
    with pytest.raises(SettingsError, match=r"a.xlsx is not one of .csv, .tsv"):
        (tmp_path / "a.xlsx").touch()
        RawTable(tmp_path / "a.xlsx")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*absent.csv"):
        RawTable(tmp_path / "absent.csv")
    table.write_text("")
    with pytest.raises(ValueError, match="a.csv is empty: its first line must name"):
        RawTable(table)


@pytest.mark.parametrize(
    ("delimiter", "text", "message"),
    [
        (None, "user_id;item_id;timestamp", "separated by semicolons, not by commas; set --delimiter=semicolon"),
        (None, "a|b|c", "separated by bars, not by commas; set --delimiter=bar"),
        (None, '"user_id"\t"item_id"\t"timestamp, s"', "separated by tabs, not by commas; set --delimiter=tab"),
        ("tab", "user_id,item_id,timestamp", "separated by commas, not by tabs; set --delimiter=comma"),
        (None, "user_id item_id timestamp", r"for user_id among user_id item_id timestamp: map it, as in --columns="),
        (None, "customer,item_id,timestamp", r"map it, as in --columns=\"{user_id: customer}\""),
    ],
)
def test_another_delimiter_is_proposed_where_the_header_holds_it(delimiter, text, message, tmp_path):
    (tmp_path / "a.csv").write_text(f"{text}\n1,2,3\n")
    with pytest.raises(SettingsError, match=message):
        table_interactions(RawTable(tmp_path / "a.csv", delimiter), {})


def test_a_proposed_delimiter_works(tmp_path):
    (tmp_path / "a.tsv").write_text("customer;sku;when\nu1;7;5\n")
    with pytest.raises(
        SettingsError, match="seem to be separated by semicolons, not by tabs; set --delimiter=semicolon"
    ):
        table_interactions(RawTable(tmp_path / "a.tsv"), COLUMNS)
    assert list(table_interactions(RawTable(tmp_path / "a.tsv", "semicolon"), COLUMNS).rows) == [("u1", "7", "5")]
    with pytest.raises(SettingsError, match="Unknown delimiter ';'.*bar, comma, semicolon, tab"):
        RawTable(tmp_path / "a.tsv", ";")


def test_a_given_delimiter_gives_way_only_where_another_finds_the_column(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("sku,name\n7,Kite; red\n")
    (tmp_path / "b.csv").write_text("sku;name\n7;Kite, red\n")
    for name, delimiter in (("a", "semicolon"), ("b", "comma")):
        table = RawTable(tmp_path / f"{name}.csv", delimiter).with_column("sku")
        assert table.columns == ["sku", "name"] and len(list(table_items(table, {"item_id": "sku"}).rows)) == 1
        assert f"{name}.csv is separated by " in caplog.text
        caplog.clear()
        assert RawTable(tmp_path / f"{name}.csv", delimiter).with_column("other").columns != ["sku", "name"]
        assert RawTable(tmp_path / f"{name}.csv", "tab").with_column("name").columns == ["sku", "name"]
        caplog.clear()
    assert RawTable(tmp_path / "b.csv").with_column("sku").columns == ["sku;name"]  # the error proposes a delimiter
    assert RawTable(tmp_path / "a.csv", "comma").with_column("sku").columns == ["sku", "name"] and not caplog.text


def test_a_missing_column_names_the_setting_that_maps_it(tmp_path):
    (tmp_path / "a.csv").write_text("'sku, new',name\n".replace("'", '"') + "1,x\n")
    for key in ("item_columns", "items_columns"):
        with pytest.raises(SettingsError, match=rf"no column 'item_id' .* as in --{key}=\"{{item_id: 'sku, new'}}\""):
            table_items(RawTable(tmp_path / "a.csv"), {}, key=key)
    with pytest.raises(SettingsError, match=r"no column 'nam' for title .* as in --item_columns=\"{title: name}\""):
        table_items(RawTable(tmp_path / "a.csv"), {"item_id": "sku, new", "title": "nam"})
    mapping = parse_value("{item_id: 'sku, new'}")
    assert list(table_items(RawTable(tmp_path / "a.csv"), mapping).rows) == [("1",)]


def test_further_columns_can_be_kept_under_their_own_names(tmp_path):
    (tmp_path / "a.csv").write_text("item_id,movie title,year,unused\n1,x,1999,y\n")
    rows = table_items(RawTable(tmp_path / "a.csv"), {}, kept=["movie title", "year", "absent"])
    assert rows.columns == ("item_id:token", "movie title:token", "year:token") and list(rows.rows) == [
        ("1", "x", "1999")
    ]


def test_a_repeated_column_name_is_refused_where_it_is_used(tmp_path):
    (tmp_path / "a.csv").write_text("item_id,title,x,title,x\n1,a,b,c,d\n")
    with pytest.raises(SettingsError, match="a.csv has 2 columns named 'title': rename"):
        table_items(RawTable(tmp_path / "a.csv"), {})
    (tmp_path / "a.csv").write_text("item_id,title,x,x\n1,a,b,c\n")
    assert list(table_items(RawTable(tmp_path / "a.csv"), {}).rows) == [("1", "a")]
