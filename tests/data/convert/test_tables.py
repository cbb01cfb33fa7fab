"""Tables with columns of any name give exactly these atomic files."""

from __future__ import annotations

import builtins
import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from recbole_adasid.data.convert.tables import RawTable, table_items
from shop_tables import ITEM_COLUMNS, converted

INTER = "user_id:token\titem_id:token\ttimestamp:float\nu1\t7\t1318896000\nu2\t8\t1318896000.5\n"
ITEM = (
    "item_id:token\ttitle:token\tcategories:token\tprice:float\tcolour:token\n"
    '7\tA "red" one & more\tA > B | C\t5.00\tred, blue\n8\tb c\tD\t\t3\n'
)


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


def test_an_unclosed_quotation_mark_ends_a_conversion(tmp_path):
    (tmp_path / "a.csv").write_text('customer,sku,when\nu1,7,5\nu2,"8,6\nu3,9,7\nu4,9,8\n')
    with pytest.raises(ValueError, match="a.csv, line 3: a quotation mark opens a cell and is never closed: close it"):
        converted(tmp_path, tmp_path / "a.csv")
    assert not list((tmp_path / "shop").iterdir())
