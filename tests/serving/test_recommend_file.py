"""Recommendations on the command line."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.cli.recommend import COMMAND
from recbole_adasid.serving import recommend_file as recommend
from recbole_adasid.serving.history_files import read_histories, write_recommendations
from recbole_adasid.serving.recommender import Recommendation


class Walker:
    """Recommends the numbers after the last of a history."""

    def recommend(self, history: list[str], k: int = 10, **options: object) -> list[Recommendation]:
        self.options = options
        numbers = [int(history[-1]) + step for step in range(1, k + 1)]
        return [Recommendation(f"{one:03}", -step / 3, f"no. {one}") for step, one in enumerate(numbers, start=1)]

    def recommend_many(self, histories: list[list[str]], k: int = 10, **options: object) -> list[list[Recommendation]]:
        return [self.recommend(history, k, **options) if history else [] for history in histories]


@pytest.fixture(autouse=True)
def walker(monkeypatch: pytest.MonkeyPatch) -> Walker:
    one = Walker()
    monkeypatch.setattr(recommend.Recommender, "load", lambda folder, **options: one)
    return one


def test_a_history_is_taken_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.main(["--run_folder=f", "--history=007", "--k=2"]) == 0
    assert capsys.readouterr().out == "1\t008\t-0.3333\tno. 8\n2\t009\t-0.6667\tno. 9\n"


def test_retrieval_is_chosen_when_the_run_is_loaded(monkeypatch: pytest.MonkeyPatch, walker: Walker) -> None:
    chosen: list[dict[str, object]] = []
    monkeypatch.setattr(recommend.Recommender, "load", lambda folder, **options: chosen.append(options) or walker)
    assert COMMAND.main(["--run_folder=f", "--history=007", "--retrieval=hybrid", "--new_item_bias=-0.02"]) == 0
    assert COMMAND.main(["--run_folder=f", "--history=007"]) == 0
    assert chosen == [
        {"device": "cpu", "retrieval": "hybrid", "new_item_bias": -0.02},
        {"device": "cpu", "retrieval": None, "new_item_bias": None},
    ]
    assert not {"retrieval", "new_item_bias"} & set(walker.options)


def test_a_file_of_histories_becomes_a_file_of_recommendations(tmp_path: Path, walker: Walker) -> None:
    (tmp_path / "in.jsonl").write_text('["001", "002"]\n{"user": "ü", "history": ["005"]}\n[]\n', encoding="utf-8")
    (tmp_path / "deny").write_text("003\n\n004\n")
    arguments = ["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--out={tmp_path}/out.jsonl", "--k=1"]
    assert COMMAND.main([*arguments, f"--deny={tmp_path}/deny", "--exclude_seen=false", "--new_share=0.1"]) == 0
    assert walker.options["deny"] == ["003", "004"] and walker.options["exclude_seen"] is False
    assert walker.options["new_share"] == 0.1
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {"items": ["003"], "scores": [-0.333333], "titles": ["no. 3"]},
        {"user": "ü", "items": ["006"], "scores": [-0.333333], "titles": ["no. 6"]},
        {"items": [], "scores": [], "titles": []},
    ]


def test_files_may_begin_with_a_byte_order_mark_and_have_line_ends_of_windows(tmp_path: Path, walker: Walker) -> None:
    (tmp_path / "in.jsonl").write_bytes('\ufeff["001"]\r\n{"note": "a\u2028b", "history": ["005"]}\r\n'.encode())
    for name in ("allow", "deny"):
        (tmp_path / name).write_bytes("\ufeff002\r\n006\r\n".encode())
    files = [f"--{name}={tmp_path}/{name}" for name in ("allow", "deny")]
    arguments = ["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--output={tmp_path}/out.jsonl", "--k=1", *files]
    assert COMMAND.main(arguments) == 0
    assert walker.options["allow"] == walker.options["deny"] == ["002", "006"]
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["items"] for line in lines[:2]] == [["002"], ["006"]]


@pytest.mark.parametrize("option", ["input", "allow", "deny"])
def test_a_file_of_another_encoding_is_named(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.jsonl").write_text("[]\n")
    (tmp_path / "odd").write_bytes("ü\n".encode("latin-1"))
    given = {"input": f"{tmp_path}/in.jsonl", "output": f"{tmp_path}/out.jsonl", option: f"{tmp_path}/odd"}
    assert COMMAND.main(["--run_folder=f", *(f"--{key}={value}" for key, value in given.items())]) == 2
    assert "odd, line 1: the text is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run_folder=f"], "Give --run_folder, and either --history or --input"),
        (["--run_folder=f", "--history=1", "--input=x"], "either --history or --input"),
        (["--run_folder=f", "--histroy=1"], "did you mean history"),
        (["--run_folder=f", "--history=1", "--k=many"], "k='many' has to be a whole number"),
        (["--run_folder=f", "--history=1", "--k=2.5"], "k=2.5 has to be a whole number"),
        (["--run_folder=f", "--history=1", "--k=1e5"], "k=100000.0 has to be a whole number"),
        (["--run_folder=f", "--history=1", "--k=true"], "k=True has to be a whole number"),
        (["--run_folder=f", "--history=1", "--k=[3]"], "k=[3] has to be a whole number"),
        (["--run_folder=f", "--history=1", "--k=-1"], "k is -1: ask for 1 item or more"),
        (["--run_folder=f", "--history=1", "--new_share=2"], "new_share is 2: it has to be from 0 to 1"),
        (["--run_folder=f", "--history=1", "--exclude_seen=1"], "exclude_seen=1 has to be true or false"),
        (["--run_folder=f", "--history=1", "--new_share=some"], "new_share='some' has to be a number"),
        (["--run_folder=f", "--history=1", "--device=abacus"], "device='abacus' cannot be used here"),
        (["--run_folder=f", "--input=absent.jsonl"], "--input needs --out"),
        (["--run_folder=f", "--history=1", "--out=o"], "--out goes with --input: with --history the recommendations"),
        (["--run_folder=f", "--input=absent.jsonl", "--out=o"], "absent.jsonl"),
    ],
)
def test_mistakes_end_in_a_sentence(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.main(arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("line", ["nonsense", '{"user": 1}', '"a"', "[1, 2]"])
def test_a_line_that_holds_no_history_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(f'["1"]\n{line}\n')
    with pytest.raises(ValueError, match="in.jsonl, line 2"):
        read_histories(tmp_path / "in.jsonl")


def test_help_shows_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.main(["--help"]) == 0
    assert "--history" in capsys.readouterr().out


def test_recommendations_become_a_table_of_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "in.jsonl").write_text('["001"]\n{"user": "ü", "history": ["005"]}\n', encoding="utf-8")
    arguments = ["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--output={tmp_path}/out.parquet", "--k=2"]
    assert COMMAND.main([*arguments, "--category=Home & Garden"]) == 0
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["items"] for row in rows] == [["002", "003"], ["006", "007"]]
    assert [row["user"] for row in rows] == [None, "ü"] and rows[0]["titles"] == ["no. 2", "no. 3"]


@pytest.mark.parametrize("results", [[], [{"items": [], "scores": [], "titles": []}]])
def test_a_table_of_recommendations_has_the_same_columns_whatever_the_histories(results: Any, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    some = [{"items": ["a"], "scores": [0.5], "titles": ["A"]}]
    for name, records in (("some", some), ("others", results)):
        write_recommendations(tmp_path / f"{name}.parquet", records)
    expected, found = (parquet.read_schema(tmp_path / f"{name}.parquet") for name in ("some", "others"))
    assert found.equals(expected) and found.names == ["items", "scores", "titles"]


def test_histories_are_read_from_a_table_of_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    day = datetime(2026, 1, 2)
    parquet.write_table(pyarrow.table({"history": [["001"], []], "day": [day, None]}), tmp_path / "in.parquet")
    arguments = ["--run_folder=f", f"--input={tmp_path}/in.parquet", f"--out={tmp_path}/out.jsonl", "--k=1"]
    assert COMMAND.main(arguments) == 0
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"day": "2026-01-02 00:00:00", "items": ["002"], "scores": [-0.333333], "titles": ["no. 2"]},
        {"day": None, "items": [], "scores": [], "titles": []},
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"history": [["001"], None]},
            "in.parquet, row 2 has no list of item tokens as history: give a list",
        ),
        ({"history": [[1]]}, "in.parquet, row 1 has no list of item tokens"),
        ({"items": [["001"]]}, "in.parquet has no column 'history' among items"),
        (None, "in.parquet is not a Parquet file, or damaged"),
    ],
)
def test_a_table_without_histories_is_refused(
    columns: dict[str, list[object]] | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    if columns is None:
        (tmp_path / "in.parquet").write_bytes(b"PAR1 no")
    else:
        parquet.write_table(pyarrow.table(columns), tmp_path / "in.parquet")
    assert COMMAND.main(["--run_folder=f", f"--input={tmp_path}/in.parquet", f"--out={tmp_path}/out.jsonl"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["input", "out"])
def test_a_missing_extra_is_named_before_anything_is_recommended(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(Walker, "recommend_many", None)
    (tmp_path / "in.jsonl").write_text("[]\n")
    files = {"input": tmp_path / "in.jsonl", "out": tmp_path / "out.jsonl", kind: tmp_path / "some.parquet"}
    assert COMMAND.main(["--run_folder=f", *(f"--{key}={path}" for key, path in files.items())]) == 2
    assert "some.parquet needs a package" in (said := capsys.readouterr().err) and "recbole-adasid[parquet]" in said


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ('[1, "x"]', "out.parquet cannot hold the field 'user' of the histories (Could not convert 'x'"),
        ('["x", 1]', "out.parquet cannot hold the field 'user' of the histories (Expected bytes, got a 'int' object)"),
        ("[{}, {}]", "cannot hold the field 'user' of the histories (Cannot write struct type"),
        (f"[1, {10**30}]", "cannot hold the field 'user' of the histories (Python int too large"),
    ],
)
def test_fields_that_a_table_cannot_hold_are_named_before_anything_is_recommended(
    users: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(Walker, "recommend_many", None)
    lines = [json.dumps({"user": user, "history": ["001"]}) for user in json.loads(users)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    assert COMMAND.main(["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--out={tmp_path}/out.parquet"]) == 2
    assert message in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named_before_anything_is_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Walker, "recommend_many", None)
    (tmp_path / "in.jsonl").write_text('["001"]\n')
    for out, message in ((tmp_path, "is a folder: give the name"), ("/dev/null/out", "cannot write /dev/null")):
        assert COMMAND.main(["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--out={out}"]) == 2
        assert message in capsys.readouterr().err


def test_a_category_is_taken_as_written(walker: Walker) -> None:
    assert COMMAND.main(["--run_folder=f", "--history=001", "--category=007"]) == 0
    assert walker.options["category"] == "007"


@pytest.mark.parametrize("name", ["items", "scores", "titles"])
def test_a_field_with_the_name_of_a_result_is_refused_before_anything_is_recommended(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Walker, "recommend_many", None)
    (tmp_path / "in.jsonl").write_text(f'["001"]\n{{"history": ["001"], "{name}": []}}\n')
    assert COMMAND.main(["--run_folder=f", f"--input={tmp_path}/in.jsonl", f"--out={tmp_path}/out.jsonl"]) == 2
    assert f"in.jsonl, line 2 has a field '{name}', which is the name of a result" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()
