from __future__ import annotations

import json
from pathlib import Path

import pytest

from recbole_adasid.cli import convert as convert_command

main = convert_command.COMMAND.main

REVIEW = {"reviewerID": "A1", "asin": "B1", "unixReviewTime": 1318896000, "overall": 5.0}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "reviews.json").write_text(json.dumps(REVIEW) + "\n" + json.dumps({**REVIEW, "asin": "B2"}) + "\n")
    (tmp_path / "meta.json").write_text("{'asin': 'B1', 'title': 'Kite', 'imUrl': ''}\n{'asin': 'B3', 'title': 'x'}\n")
    (tmp_path / "log.csv").write_text("who;what;timestamp\nA1;B1;1318896000\n")
    (tmp_path / "ok.csv").write_text("user_id,item_id,timestamp\nA1,B1,1318896000\n")
    (tmp_path / "goods.csv").write_text("sku,name\nB1,Kite\n")
    return tmp_path


def test_amazon_files_are_converted(raw, capsys):
    arguments = [f"--reviews={raw / 'reviews.json'}", "--metadata", str(raw / "meta.json"), f"--out={raw / 'data'}"]
    assert main(["amazon", *arguments, "--name=toys", "--rating=true", "--show_progress=false"]) == 0
    home = raw / "data" / "toys"
    assert (home / "toys.inter").read_text().splitlines()[1:] == ["A1\tB1\t1318896000\t5", "A1\tB2\t1318896000\t5"]
    assert (home / "toys.item").read_text().splitlines()[1:] == ["B1\tKite\t\t\t\t", "B2\t\t\t\t\t"]
    printed = capsys.readouterr()
    assert "interactions" in printed.out and "written to" in printed.out and not printed.err


def test_tables_are_converted(raw):
    (raw / "goods.csv").write_text("item_id;name\nB1;Kite\nB2;Top\n")
    arguments = [f"--interactions={raw / 'log.csv'}", f"--items={raw / 'goods.csv'}", f"--out={raw / 'data'}"]
    arguments += ["--name=2014", "--columns={user_id: who, item_id: what}", "--item_columns={title: name}"]
    assert main(["table", *arguments, "--delimiter=semicolon", "--all_items=true"]) == 0
    assert (raw / "data" / "2014" / "2014.inter").read_text().splitlines()[1:] == ["A1\tB1\t1318896000"]
    assert (raw / "data" / "2014" / "2014.item").read_text() == "item_id:token\ttitle:token\nB1\tKite\nB2\tTop\n"


@pytest.mark.parametrize(("delimiter", "lone"), [("semicolon", "goods.csv"), ("comma", "log.csv")])
def test_one_delimiter_serves_two_files_that_differ(raw, caplog, delimiter, lone):
    arguments = [f"--interactions={raw / 'log.csv'}", f"--items={raw / 'goods.csv'}", f"--out={raw / 'data'}"]
    arguments += [
        "--name=shop",
        "--columns={user_id: who, item_id: what}",
        "--item_columns={item_id: sku, title: name}",
    ]
    assert main(["table", *arguments, f"--delimiter={delimiter}"]) == 0
    assert (raw / "data" / "shop" / "shop.inter").read_text().splitlines()[1:] == ["A1\tB1\t1318896000"]
    assert (raw / "data" / "shop" / "shop.item").read_text() == "item_id:token\ttitle:token\nB1\tKite\n"
    assert f"{lone} is separated by" in caplog.text and "delimiter for it" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["movies"], "The first argument is 'movies'; valid: amazon, table"),
        (["amazon", "--reviews=reviews.json", "--name=x"], "needs --out=PATH"),
        (["amazon", "--out=data", "--name=x"], "needs --reviews=FILE"),
        (["amazon", "--reviews=absent", "--out=data", "--name=x"], "There is no file absent"),
        (["amazon", "--reviews=meta.json", "--out=data", "--name=x"], "meta.json holds no Amazon reviews"),
        (["amazon", "--reviews=reviews.json", "--out=data", "--name=a/b"], "name='a/b' is not a folder name"),
        (
            ["amazon", "--review=reviews.json"],
            "'review' in the command line of convert amazon: did you mean reviews",
        ),
        (["amazon", "--columns={a: b}"], "Unknown setting 'columns'"),
        (["amazon", "--reviews=reviews.json", "--out=d", "--name=x", "--rating=5"], "rating=5 has to be true or false"),
        (["table", "--interactions=log.csv", "--out=d", "--name=x", "--columns=5"], "columns=5 has to be a mapping"),
        (["table", "--interactions=log.csv", "--out=d", "--name=x", "--delimiter=;"], "Unknown delimiter ';'"),
        (["table", "--interactions=log.csv", "--out=d", "--name=x", "--quotes=5"], "quotes=5 has to be true or false"),
        (
            ["table", "--interactions=log.csv", "--out=d", "--name=x"],
            "its cells seem to be separated by semicolons, not by commas; set --delimiter=semicolon",
        ),
        (
            ["table", "--interactions=ok.csv", "--items=goods.csv", "--out=d", "--name=x"],
            "no column 'item_id' for item_id among sku, name: map it, as in --item_columns=\"{item_id: sku}\"",
        ),
    ],
)
def test_mistakes_are_one_sentence(raw, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(raw)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and message in printed.err and printed.err.count("\n") == 1
    assert not (raw / "data").exists()
