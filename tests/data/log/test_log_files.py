"""Logs are read as they are written, and what cannot be used is told."""

from __future__ import annotations

import logging
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.data.log.log_files import Rows, bytes_of_a_row, log_paths, read_log, rows_at_most
from recbole_adasid.settings.errors import SettingsError

HEAD = "user_id,item_id,timestamp\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, at_once: int = 100) -> list[Rows]:
    return list(read_log([path], {}, at_once))


def times(path: Path, at_once: int = 100) -> list[tuple[int, float]]:
    return [tuple(row) for rows in read(path, at_once) for row in rows.times.tolist()]


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_times_are_exact_whatever_is_read_together(at_once: int, tmp_path: Path) -> None:
    cells = ["9007199254740993", "1.5", "-0.25", "-1e-20", "7", "-9007199254740993", "4e15"]
    path = write(tmp_path / "log.csv", HEAD + "".join(f"u,i,{cell}\n" for cell in cells))
    expected = [(9007199254740993, 0.0), (1, 0.5), (0, -0.25), (0, -1e-20), (7, 0.0), (-9007199254740993, 0.0)]
    assert times(path, at_once) == [*expected, (4 * 10**15, 0.0)]


@pytest.mark.parametrize("cell", ["1_000", "\uff11\uff12", "nan", "inf", "0x10", "yesterday", "", "1e400"])
def test_what_is_no_number_of_data_files_is_refused(cell: str, tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", f"{HEAD}u,i,1.5\nu,i,{cell}\n")
    with pytest.raises(ValueError, match="row 2: the timestamp is not a finite number"):
        read(path)


def test_names_are_text_and_each_is_there_once(tmp_path: Path) -> None:
    (rows,) = read(write(tmp_path / "log.tsv", 'user_id\titem_id\ttimestamp\n07\tNA\t1\n7\t"a\t2\n07\tNA\t3\n'))
    for column, expected in ((rows.users, ["07", "7", "07"]), (rows.items, ["NA", '"a', "NA"])):
        assert column.distinct[column.codes].tolist() == expected and len(column.distinct) == 2


@pytest.mark.parametrize("text", ["a,b,1,2\nc,d,3,4\n", "a,b,1\nc,d,3,4\n"])
def test_lines_with_too_many_cells_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read(write(tmp_path / "log.csv", HEAD + text))


def test_parquet_of_any_kind_of_name(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {
        "numbers": pyarrow.array([7, 5, 7]),
        "categories": pyarrow.array(["b", "a", "b"]).dictionary_encode(),
        "floats": pyarrow.array([12345678901.0, 2.0, 12345678901.0]),
        "zeros": pyarrow.array([0.0, 1.0, -0.0]),
    }
    for name, users in columns.items():
        table = pyarrow.table({"user_id": users, "item_id": ["x", "y", "x"], "timestamp": [3, 1, 2]})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
        (rows,) = read(tmp_path / f"{name}.parquet")
        assert rows.users.distinct[rows.users.codes].tolist() == [
            str(int(user) if isinstance(user, float) else user) for user in users.to_pylist()
        ]
        assert len(set(rows.users.distinct)) == len(rows.users.distinct) == 2
        assert rows.times["whole"].tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("users", "stamps", "said"),
    [
        ([None, "a"], [1, 2], "row 1 has no user_id"),
        ([1.0, float("nan")], [1, 2], "row 2 has no user_id"),
        ([1.5, 2.0], [1, 2], "the user_id 1.5 is neither text nor a whole number"),
        (["a", "b"], [1, None], "row 2: the timestamp is not a finite"),
        (["a", "b"], [date(2020, 1, 1), None], "row 2: the timestamp is not a finite"),
        (["a", "b"], [datetime(2020, 1, 1), None], "row 2: the timestamp is not a finite"),
    ],
)
def test_gaps_of_parquet_are_refused(users: list[object], stamps: list[object], said: str, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"user_id": users, "item_id": ["x", "y"], "timestamp": stamps})
    parquet.write_table(table, tmp_path / "log.parquet")
    with pytest.raises(ValueError, match=said):
        read(tmp_path / "log.parquet")


def test_times_beyond_64_bits_do_not_wrap(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    stamps = pyarrow.array([2**63 + 5, 3], pyarrow.uint64())
    table = pyarrow.table({"user_id": ["a", "a"], "item_id": ["x", "y"], "timestamp": stamps})
    parquet.write_table(table, tmp_path / "log.parquet")
    (rows,) = read(tmp_path / "log.parquet")
    assert rows.times["whole"][0] > rows.times["whole"][1] == 3


def test_marks_are_no_part_of_a_folder_and_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("b.CSV", "a.csv", "_SUCCESS", ".a.csv.crc"):
        write(tmp_path / name, HEAD)
    assert [path.name for path in log_paths(tmp_path)] == ["a.csv", "b.CSV"]
    write(tmp_path / "c.csv.gz", "")
    with pytest.raises(SettingsError, match="also holds c.csv.gz"):
        log_paths(tmp_path)
    (tmp_path / "c.csv.gz").unlink()
    (tmp_path / "day=1.parquet").mkdir()
    with pytest.raises(SettingsError, match="also holds day=1.parquet"):
        log_paths(tmp_path)


def test_a_file_that_must_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(read_log.__globals__["READERS"], ".csv", refuse)
    with pytest.raises(ValueError, match="log.csv cannot be read .Permission denied."):
        read(write(tmp_path / "log.csv", HEAD))


@pytest.mark.parametrize(("cells", "said"), [(["1500000000", "1500000000123"], "mixes"), (["5", "5"], "is 5, so")])
def test_times_that_make_one_doubt_are_told(
    cells: list[str], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(write(tmp_path / "log.csv", HEAD + "".join(f"u,i,{cell}\n" for cell in cells)), at_once=1)
    assert said in caplog.text


def test_wide_rows_take_more_memory(tmp_path: Path) -> None:
    narrow = write(tmp_path / "narrow.csv", HEAD + "1,2,3\n" * 1000)
    wide = write(tmp_path / "wide.csv", "user_id,item_id,timestamp,text\n" + f"1,2,3,{'x' * 5000}\n" * 50)
    assert bytes_of_a_row(wide) > 19_000 > 1000 > bytes_of_a_row(narrow)
    assert rows_at_most(narrow) >= 1000 and np.isfinite(rows_at_most(wide))


MOMENT = 1_704_164_645
TYPES = {
    "date32": (lambda pa: pa.array([date(2024, 1, 3), date(2024, 1, 2)], pa.date32()), 86_400),
    "date64": (lambda pa: pa.array([date(2024, 1, 3), date(2024, 1, 2)], pa.date64()), 86_400),
    "timestamp": (lambda pa: pa.array([MOMENT + 1, MOMENT]).cast(pa.timestamp("s")), 1),
    "zoned": (lambda pa: pa.array([MOMENT + 1, MOMENT]).cast(pa.timestamp("s", "Asia/Tokyo")), 1),
    "categories": (lambda pa: pa.array([date(2024, 1, 3), date(2024, 1, 2)]).dictionary_encode(), 86_400),
}


def write_parquet(path: Path, stamps: object) -> Path:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"user_id": ["a", "a"], "item_id": ["x", "y"], "timestamp": stamps}), path)
    return path


@pytest.mark.parametrize("kind", TYPES)
def test_dates_and_moments_of_all_types_are_nanoseconds(kind: str, tmp_path: Path) -> None:
    stamps, apart = TYPES[kind][0](pytest.importorskip("pyarrow")), TYPES[kind][1]
    (rows,) = read(write_parquet(tmp_path / "log.parquet", stamps))
    second = MOMENT - MOMENT % 86_400 if apart == 86_400 else MOMENT
    assert rows.times["whole"].tolist() == [(second + apart) * 10**9, second * 10**9]


@pytest.mark.parametrize("kind", ["time32", "duration", "bool"])
def test_a_type_that_is_no_time_is_refused(kind: str, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    type_ = {"time32": pa.time32("s"), "duration": pa.duration("s"), "bool": pa.bool_()}[kind]
    stamps = pa.array([1, 0], pa.int32() if kind == "time32" else pa.int64()).cast(type_)
    with pytest.raises(ValueError, match=rf"log.parquet: the timestamp has type {kind}.*: use numbers, dates"):
        read(write_parquet(tmp_path / "log.parquet", stamps))


def test_a_moment_beyond_the_nanoseconds_of_64_bits_is_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="has a timestamp outside the years 1678 to 2261: fix it or remove"):
        read(write_parquet(tmp_path / "log.parquet", pa.array([10**11, 0]).cast(pa.timestamp("s"))))


def test_files_whose_times_are_of_two_units_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pa = pytest.importorskip("pyarrow")
    write_parquet(tmp_path / "a.parquet", pa.array([MOMENT, MOMENT]))
    write_parquet(tmp_path / "b.parquet", pa.array([date(2024, 1, 3)] * 2, pa.date32()))
    list(read_log(log_paths(tmp_path), {}, 10))
    assert "mixes seconds (a.parquet) and nanoseconds (b.parquet)" in caplog.text


def test_a_time_that_cannot_be_read_is_shown(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"row 2: the timestamp is not a finite number but '02/01/2024': fix it, or"):
        read(write(tmp_path / "log.csv", f"{HEAD}u,i,1.5\nu,i,02/01/2024\n"))


def test_a_column_that_is_not_there_is_answered_by_how_to_map_it(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,item_id,timestamp\nu,i,1\n")
    with pytest.raises(SettingsError, match=r"no column 'user_id' among user, .* as in --columns=\"{user_id: user}\""):
        read(path)
    assert list(read_log([path], {"user_id": "user"}, 10))
    write(path, "user_id;item_id;timestamp\nu;i;1\n")
    with pytest.raises(
        SettingsError, match="by semicolons; convert the log by `recbole-adasid convert table --delimiter=semi"
    ):
        read(path)
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"user": ["a"], "item_id": ["b"], "timestamp": [1]}), tmp_path / "log.parquet")
    with pytest.raises(SettingsError, match=r"log.parquet has no column 'user_id' .*--where=\"{user_id: user}\""):
        list(read_log([tmp_path / "log.parquet"], {}, 10, key="where"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_repeated_column_name_is_refused(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user_id,item_id,timestamp,item_id\nu,i,1,j\n")
    if kind == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        names = ["user_id", "item_id", "timestamp", "item_id"]
        path = tmp_path / "log.parquet"
        parquet.write_table(
            pyarrow.Table.from_arrays([pyarrow.array([value]) for value in ("u", "i", 1, "j")], names), path
        )
    with pytest.raises(SettingsError, match=rf"log.{kind} has 2 columns named 'item_id': rename"):
        read(path)
