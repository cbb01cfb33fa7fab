"""Columns of every Arrow type that holds times or names come out as what they stand for."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.tables import RawTable, table_interactions


def converted(folder: Path, log: Path) -> Report:
    columns = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}
    return convert(table_interactions(RawTable(log), columns), None, folder / "shop", overwrite=True)


def write_log(folder: Path, times: object, users: object = ("u1", "u2")) -> Path:
    """Write a Parquet file of two interactions."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"customer": list(users), "sku": [7, 8], "when": times}
    parquet.write_table(pyarrow.table(columns), folder / "log.parquet")
    return folder / "log.parquet"


MOMENT = 1704164645
KINDS = {
    "date32": lambda pa: (pa.array([date(2024, 1, 2)] * 2, pa.date32()), "1704153600"),
    "date64": lambda pa: (pa.array([date(2024, 1, 2)] * 2, pa.date64()), "1704153600"),
    "seconds": lambda pa: (pa.array([MOMENT] * 2).cast(pa.timestamp("s")), str(MOMENT)),
    "milliseconds": lambda pa: (pa.array([MOMENT * 10**3 + 7] * 2).cast(pa.timestamp("ms")), f"{MOMENT}.007"),
    "microseconds": lambda pa: (pa.array([MOMENT * 10**6 + 7] * 2).cast(pa.timestamp("us")), f"{MOMENT}.000007"),
    "nanoseconds": lambda pa: (pa.array([MOMENT * 10**9 + 7] * 2).cast(pa.timestamp("ns")), f"{MOMENT}.000000007"),
    "UTC": lambda pa: (pa.array([MOMENT] * 2).cast(pa.timestamp("s", "UTC")), str(MOMENT)),
    "a zone": lambda pa: (pa.array([MOMENT * 10**3] * 2).cast(pa.timestamp("ms", "America/New_York")), str(MOMENT)),
    "an offset": lambda pa: (pa.array([MOMENT * 10**9] * 2).cast(pa.timestamp("ns", "+05:30")), str(MOMENT)),
    "an unknown zone": lambda pa: (pa.array([MOMENT] * 2).cast(pa.timestamp("s", "Mars/Base")), str(MOMENT)),
    "int32": lambda pa: (pa.array([MOMENT] * 2, pa.int32()), str(MOMENT)),
    "uint64": lambda pa: (pa.array([MOMENT] * 2, pa.uint64()), str(MOMENT)),
    "float64": lambda pa: (pa.array([MOMENT + 0.5] * 2), f"{MOMENT}.5"),
    "decimal": lambda pa: (pa.array([Decimal(f"{MOMENT}.25")] * 2), f"{MOMENT}.25"),
    "text": lambda pa: (pa.array(["2024-01-02"] * 2, pa.large_string()), "1704153600"),
    "categories": lambda pa: (pa.array(["2024-01-02"] * 2).dictionary_encode(), "1704153600"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_times_of_every_arrow_type(kind, tmp_path):
    times, expected = KINDS[kind](pytest.importorskip("pyarrow"))
    report = converted(tmp_path, write_log(tmp_path, times))
    assert "2 lines read, all used" in report.text()
    rows = (tmp_path / "shop" / "shop.inter").read_text().splitlines()[1:]
    assert rows == [f"u1\t7\t{expected}", f"u2\t8\t{expected}"]


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        (lambda pa: pa.array([10**14, MOMENT]).cast(pa.timestamp("s")), "'100000000000000000 as timestamp[ms]'"),
        (lambda pa: ["02/01/2024", str(MOMENT)], "'02/01/2024'"),
    ],
)
def test_a_moment_that_cannot_be_read_costs_its_own_row_alone(times, shown, tmp_path):
    report = converted(tmp_path, write_log(tmp_path, times(pytest.importorskip("pyarrow"))))
    assert f"1 left out: 1 with a time that cannot be read (line 1), first {shown}" in report.text()


@pytest.mark.parametrize("value", [time(3, 4), timedelta(3), True])
def test_what_is_no_moment_is_refused_with_its_value(value, tmp_path):
    with pytest.raises(ValueError, match=rf"2 with a time that cannot be read \(lines 1, 2\), first {value}"):
        converted(tmp_path, write_log(tmp_path, [value, value]))


def test_identifiers_of_any_length_stay_apart(tmp_path):
    users = [Decimal(12345678901234567891), Decimal(12345678901234567892)]
    converted(tmp_path, write_log(tmp_path, [MOMENT] * 2, users))
    rows = (tmp_path / "shop" / "shop.inter").read_text().splitlines()[1:]
    assert [row.partition("\t")[0] for row in rows] == ["12345678901234567891", "12345678901234567892"]
