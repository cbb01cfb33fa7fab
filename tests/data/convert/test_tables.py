"""Tables with columns of any name give exactly these atomic files."""

from __future__ import annotations

import builtins
import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import parse_value

COLUMNS = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}
ITEM_COLUMNS = {"item_id": "sku", "title": "name", "colour": "Farbe"}
INTER = "user_id:token\titem_id:token\ttimestamp:float\nu1\t7\t1318896000\nu2\t8\t1318896000.5\n"
ITEM = (
    "item_id:token\ttitle:token\tcategories:token\tprice:float\tcolour:token\n"
    '7\tA "red" one & more\tA > B | C\t5.00\tred, blue\n8\tb c\tD\t\t3\n'
)


def converted(
    folder: Path, inter: Path, item: Path | None = None, quotes: bool | None = None, **options: object
) -> Report:
    interactions = table_interactions(RawTable(inter, None, quotes), COLUMNS, **options)
    items = None if item is None else table_items(RawTable(item, None, quotes), ITEM_COLUMNS)
    return convert(interactions, items, folder / "shop", overwrite=True)


def files(folder: Path) -> tuple[str, ...]:
    return tuple((folder / "shop" / f"shop{suffix}").read_bytes().decode() for suffix in (".inter", ".item"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_csv(tmp_path, ending, packed):
    between = "\t" if ending == ".tsv" else ","
    inter = "when,customer,sku\r\n1318896000,u1,7\r\n2011-10-18T00:00:00.500000,u2,8\r\nu3,8\r\n,u3,8\r\n"
    item = (
        '\ufeffsku,name,categories,price,Farbe\n7,"A ""red"" one &amp;\n\n <b>more</b>",A > B | C,$5,"red, blue"\n'
        "8,b c,D,,3\n9,d,E,1,4\n"
    )
    paths = []
    for name, text in (("inter", inter), ("item", item)):
        text = text.replace('"red, blue"', "red; blue").replace(",", between).replace("red; blue", '"red, blue"')
        paths.append(tmp_path / f"{name}{ending}{'.gz' if packed else ''}")
        paths[-1].write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    report = converted(tmp_path, *paths, quotes=True)
    assert files(tmp_path) == (INTER, ITEM)
    assert "1 with more or fewer than 3 cells (line 4); 1 with no time (line 5)" in report.text()
    assert "1 without interactions" in report.text()


def test_quotation_marks_of_a_tsv_file_are_text_unless_it_says_otherwise(tmp_path):
    for name in ("a.tsv", "a.csv"):
        between = "\t" if name == "a.tsv" else ","
        (tmp_path / name).write_text('sku,name,Farbe\n7,"Wally" the pig,1\n8,"open,2\n9,b"c,3\n'.replace(",", between))
    for name, quotes in (("a.tsv", None), ("a.csv", False)):
        rows = list(table_items(RawTable(tmp_path / name, None, quotes), ITEM_COLUMNS).rows)
        assert rows == [("7", '"Wally" the pig', "1"), ("8", '"open', "2"), ("9", 'b"c', "3")]


def test_json_lines(tmp_path):
    inter = [{"customer": "u1", "sku": 7, "when": 1318896000}, {"customer": "u2", "sku": 8, "when": "1318896000.5"}]
    item = [
        {"sku": "7", "name": 'A "red"\tone &amp; more', "price": 5, "categories": [["A", "B"], ["C"]],
         "Farbe": ["red", "", "blue"]},
        {"sku": 8, "name": "b <br> c", "price": None, "categories": ["D"], "Farbe": 3.0},
    ]  # fmt: skip
    for name, records in (("inter", [*inter, {"customer": "u3"}, 5]), ("item", item)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    report = converted(tmp_path, tmp_path / "inter.jsonl", tmp_path / "item.jsonl")
    assert files(tmp_path) == (INTER, ITEM)
    assert "1 with no item (line 3); 1 with something other than a record (line 4)" in report.text()


def test_parquet(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    inter = {
        "customer": ["u1", "u2", None],
        "sku": [7, 8, 8],
        "when": [datetime(2011, 10, 18), datetime(2011, 10, 18, 0, 0, 0, 500_000), datetime(2011, 10, 18)],
    }
    item = {
        "sku": [7.0, 8.0],
        "name": ['A "red"\none &amp; more', "b c"],
        "categories": [[["A", "B"], ["C"]], [["D"]]],
        "price": [Decimal("5.00"), None],
        "Farbe": ["red, blue", "3"],
        "unused": [b"\xff", b""],
    }
    for name, columns in (("inter", inter), ("item", item)):
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{name}.parquet")
    report = converted(tmp_path, tmp_path / "inter.parquet", tmp_path / "item.parquet")
    assert files(tmp_path) == (INTER, ITEM)
    assert "1 with no user (line 3)" in report.text()
    (tmp_path / "broken.parquet").write_bytes((tmp_path / "inter.parquet").read_bytes()[:-9])
    with pytest.raises(
        ValueError, match=r"broken.parquet is not a Parquet file, or damaged \(.*\): re-create the file"
    ):
        RawTable(tmp_path / "broken.parquet")


def test_without_pyarrow_parquet_is_answered_by_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").touch()
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError("No module named 'pyarrow'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"No module named 'pyarrow'\): pip install 'recbole-adasid\[parquet\]'"):
        RawTable(tmp_path / "a.parquet")


def test_ratings_and_units_of_time(tmp_path):
    (tmp_path / "a.csv").write_text("customer,sku,when,rating\nu1,7,1318896000500,4.5\nu1,7,1318896000000,\n")
    converted(tmp_path, tmp_path / "a.csv", time_unit="ms", rating=True)
    assert (tmp_path / "shop" / "shop.inter").read_text().splitlines() == [
        "user_id:token\titem_id:token\ttimestamp:float\trating:float",
        "u1\t7\t1318896000.5\t4.5",
        "u1\t7\t1318896000\t",
    ]


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
    ("rest", "message"),
    [
        (b"u1,7,5\nu2,\xff,6\n", r"a.csv, line 3: the text is not UTF-8 \(invalid start byte\): save it as UTF-8"),
        (b'u1,7,5\nu2,"' + b"x" * 100_000 + b"\n" + b"y" * 100_000, r"a.csv, line 4: .*limit.* never closed"),
    ],
)
def test_a_csv_file_that_cannot_be_read_leaves_nothing(tmp_path, monkeypatch, rest, message):
    import csv

    before = csv.field_size_limit(150_000)
    monkeypatch.setattr("recbole_adasid.data.convert.csv_rows._LONGEST_CELL", 1)
    (tmp_path / "a.csv").write_bytes(b"customer,sku,when\n" + rest)
    with pytest.raises(ValueError, match=message):
        converted(tmp_path, tmp_path / "a.csv")
    csv.field_size_limit(before)
    assert not list((tmp_path / "shop").iterdir())


def test_times_that_cannot_be_read_are_told_with_the_first_and_its_line(tmp_path):
    lines = ["u1,7,1704164645", "u1,7,02/01/2024", 'u1,7,"1704164645,5"', "u1,7,", "u1,,5", ",7,5", "u1,7,-3"]
    (tmp_path / "a.csv").write_text("customer,sku,when\n" + "\n".join(lines) + "\n")
    text = converted(tmp_path, tmp_path / "a.csv").text()
    assert (
        "7 lines read, 6 left out: 2 with a time that cannot be read (lines 3, 4), first '02/01/2024'; 1 with " in text
    )
    assert "1 with a time outside the years 1970 to 5138 (line 8), first '-3'; 1 with no item (line 6); " in text
    assert "1 with no time (line 5); 1 with no user (line 7)" in text


def test_cells_that_say_nothing_usable_are_counted_with_the_first_and_its_line(tmp_path):
    goods = [
        {"sku": 7, "name": ["A", "B"], "price": "12,99", "Farbe": 3, "image_url": "http://a/b.jpg", "categories": 12},
        {
            "sku": 8,
            "name": {"en": "A"},
            "price": "call us",
            "Farbe": True,
            "image_url": "b.jpg",
            "categories": {"a": 1},
        },
        {"sku": 9, "name": {"en": "B"}, "price": "1.299 €", "Farbe": None, "image_url": ["", None], "categories": []},
        {"sku": 10, "name": "x" * 5, "price": 0, "Farbe": "", "image_url": {"large": None}, "categories": [[" "]]},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in goods))
    rows = table_items(RawTable(tmp_path / "a.jsonl"), ITEM_COLUMNS)
    assert list(rows.rows) == [
        ("7", "A, B", "12", "12.99", "http://a/b.jpg", "3"),
        ("8", "", "", "", "", ""),
        ("9", "", "", "", "", ""),
        ("10", "xxxxx", "", "", "", ""),
    ]
    assert rows.lines.summary().endswith(
        "4 lines read, all used. Cells left empty, as their values cannot be used: "
        "2 of title, first {'en': 'A'} on line 2; 1 of categories, first {'a': 1} on line 2; "
        "3 of price, first 'call us' on line 2; 1 of image_url, first 'b.jpg' on line 2; "
        "1 of colour, first True on line 2"
    )


def test_a_long_value_is_shown_by_its_beginning(tmp_path):
    (tmp_path / "a.csv").write_text(f"item_id,price\n1,.a{{}} {'x' * 500}\n")
    rows = table_items(RawTable(tmp_path / "a.csv"), {})
    list(rows.rows)
    assert rows.lines.summary().endswith(f"first '.a{{}} {'x' * 54}… on line 2")


def test_ratings_that_cannot_be_read_are_counted(tmp_path):
    (tmp_path / "a.csv").write_text('customer,sku,when,rating\nu1,7,5,"4,5"\nu1,7,5,good\nu1,7,5,\n')
    report = converted(tmp_path, tmp_path / "a.csv", rating=True)
    assert [line.split("\t")[3] for line in (tmp_path / "shop" / "shop.inter").read_text().splitlines()[1:]] == [
        *("4.5", "", "")
    ]
    assert "1 of rating, first 'good' on line 3" in report.text()


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


def test_an_unclosed_quotation_mark_ends_a_conversion(tmp_path):
    (tmp_path / "a.csv").write_text('customer,sku,when\nu1,7,5\nu2,"8,6\nu3,9,7\nu4,9,8\n')
    with pytest.raises(ValueError, match="a.csv, line 3: a quotation mark opens a cell and is never closed: close it"):
        converted(tmp_path, tmp_path / "a.csv")
    assert not list((tmp_path / "shop").iterdir())


def test_a_repeated_column_name_is_refused_where_it_is_used(tmp_path):
    (tmp_path / "a.csv").write_text("item_id,title,x,title,x\n1,a,b,c,d\n")
    with pytest.raises(SettingsError, match="a.csv has 2 columns named 'title': rename"):
        table_items(RawTable(tmp_path / "a.csv"), {})
    (tmp_path / "a.csv").write_text("item_id,title,x,x\n1,a,b,c\n")
    assert list(table_items(RawTable(tmp_path / "a.csv"), {}).rows) == [("1", "a")]
