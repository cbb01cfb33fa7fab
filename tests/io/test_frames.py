"""Tables of different libraries yield the same Python values, and results are tables of the same library."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("narwhals")
from recbole_adasid.io.frames import Frame, ids_like, made_like, rows, values  # noqa: E402

WHEN = datetime(2024, 1, 2, 3, 4, 5, 678)
TABLE = pd.DataFrame(
    {
        "id": pd.Series([7, None, 2**60], dtype="Int64"),
        "name": pd.Series(["a", None, "b"], dtype="category"),
        "when": pd.Series([WHEN, None, WHEN], dtype="datetime64[us]").dt.tz_localize("Asia/Tokyo"),
        "price": [1.5, np.nan, 2.0],
        "tags": [["x", "y"], [], None],
    }
).set_axis([5, 5, 9])
UTC = datetime(2024, 1, 1, 18, 4, 5, 678)


def test_every_library_gives_the_same_values(frame_of: Callable[[Any], Any]) -> None:
    found = list(rows(Frame(frame_of(TABLE), "table").select(["tags", "when", "name", "id", "id"])))
    missing = [value for value in found[1][1:] if value is not None and value == value]
    assert not missing and found[1][0] == []
    assert found[0] == (["x", "y"], UTC, "a", 7) and found[2] == (None, UTC, "b", 2**60)


def column(values_: Any, **options: Any) -> Any:
    import narwhals

    return narwhals.from_native(pd.Series(values_, **options), series_only=True)


def test_nanoseconds_are_kept_and_years_beyond_python_s_are_told() -> None:
    exact = pd.Timestamp("2024-01-02 03:04:05.000000678")
    assert values(column([exact, pd.NaT])) == [exact, None]
    late = np.array(["20000-01-01", "NaT"], dtype="datetime64[us]")
    assert values(column(late, dtype="datetime64[us]")) == [f"{late[0].astype('i8')} as timestamp[us]", None]


def test_an_object_column_gives_plain_values() -> None:
    given = [np.int64(2**60), np.array([1.5, 2.5]), np.datetime64("2024-01-02T03:04:05"), pd.NA, date(2024, 1, 2)]
    found = values(column([*given, np.array(["a", None], dtype=object)], dtype=object))
    assert found == [2**60, [1.5, 2.5], datetime(2024, 1, 2, 3, 4, 5), None, date(2024, 1, 2), ["a", None]]
    assert type(found[0]) is int
    nested = np.array([np.array(["a", "b"], dtype=object), np.array(["c"], dtype=object)], dtype=object)
    times = np.array([["2024-01-02", "NaT"]], dtype="datetime64[ns]")
    found = values(column([nested, [(np.int64(2**60), 1), [pd.NA]], times, times[0, 0], np.array(3)], dtype=object))
    assert found == [[["a", "b"], ["c"]], [[2**60, 1], [None]], [[datetime(2024, 1, 2), None]], datetime(2024, 1, 2), 3]
    assert type(found[1][0][0]) is int


def test_a_zoned_time_in_an_object_column_keeps_its_moment() -> None:
    zoned = datetime(2024, 1, 2, tzinfo=timezone.utc)
    assert values(column([zoned, "x"], dtype=object)) == [zoned, "x"]


def test_a_result_is_of_the_library_that_was_given(
    frame_of: Callable[[Any], Any], columns_of: Callable[[Any], dict[str, list[Any]]]
) -> None:
    given = frame_of(TABLE)
    table = Frame(given, "table").select(["id"])
    made = made_like(
        table,
        {
            "id": table["id"][[2, 0, 0]],
            "text": np.array(["x", "y", ""], dtype=object),
            "whole": np.arange(3),
            "real": np.array([0.5, 1, 2], dtype=np.float32),
        },
    )
    wanted = {"LazyFrame": "DataFrame", "RecordBatchReader": "Table"}.get(type(given).__name__, type(given).__name__)
    assert type(made).__name__ == wanted and type(made).__module__.split(".")[0] == type(given).__module__.split(".")[0]
    found = columns_of(made)
    assert found == {"id": [2**60, 7, 7], "text": ["x", "y", ""], "whole": [0, 1, 2], "real": [0.5, 1.0, 2.0]}


def test_tokens_are_integers_again_if_the_column_was_of_integers_and_all_are(frame_of: Callable[[Any], Any]) -> None:
    table = Frame(frame_of(pd.DataFrame({"n": [1, 2], "t": ["1", "2"]})), "table").select(["n", "t"])
    assert ids_like(table, "n", ["5", "-7", "0"]).tolist() == [5, -7, 0]
    assert ids_like(table, "n", [str(2**63 - 1)]).tolist() == [2**63 - 1]
    for tokens in (["5", "new"], ["05"], ["5.0"], [str(2**63)], ["٣"], ["-0"]):
        assert ids_like(table, "n", tokens).tolist() == tokens
    assert ids_like(table, "t", ["5"]).tolist() == ["5"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], "^table is of type list, not a table: pass a pandas, Polars or Arrow table"),
        ("log.csv", "^table is of type str, not a table"),
        ({"a": [1]}, "^table is of type dict"),
        (pd.Series([1], name="a"), "^table is of type Series"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "^table has a duplicate column name .*'a' 2 times.*rename or"),
        (pd.DataFrame([[1]], columns=[0]), "^table has a column named 0, which is not a string: rename it"),
    ],
)
def test_what_is_no_table_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Frame(given, "table")


def test_a_column_is_no_table() -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    for given in (polars.Series("a", [1]), pyarrow.chunked_array([[1]])):
        with pytest.raises(ValueError, match="^table is of type (Series|ChunkedArray), not a table"):
            Frame(given, "table")


def test_an_arrow_table_with_a_name_twice_is_refused() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="^table has a duplicate column name"):
        Frame(pyarrow.table([[1], [2]], names=["a", "a"]), "table")
    with pytest.raises(ValueError, match="duplicate|two columns named 'a'"):
        Frame(pyarrow.record_batch([[1], [2]], names=["a", "a"]), "table")


def test_a_column_that_is_the_index_is_recognised() -> None:
    frame = Frame(TABLE.set_index("id"), "items")
    assert frame.no_column("id").endswith("among name, when, price, tags; it is the index, so pass items.reset_index()")
    assert frame.no_column("sku") == "items has no column 'sku' among name, when, price, tags"
    assert Frame(pd.DataFrame(), "items").no_column("id") == "items has no column 'id' among no columns"


def test_a_lazy_table_computes_only_the_columns_that_are_needed_and_once() -> None:
    polars = pytest.importorskip("polars")
    calls = []
    lazy = polars.LazyFrame({"a": [3, 4], "b": [1, 2]}).with_columns(
        polars.col("a").map_batches(lambda part: calls.append("a") or part, return_dtype=polars.Int64),
        polars.col("b").map_batches(lambda part: calls.append("b") or part, return_dtype=polars.Int64),
    )
    frame = Frame(lazy, "table")
    assert frame.columns == ["a", "b"] and not calls
    frame.collect(["a", "absent"])
    assert list(rows(frame.select(["a"]))) == list(rows(frame.select(["a"]))) == [(3,), (4,)]
    assert calls == ["a"]


def test_without_narwhals_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "narwhals":
            raise ModuleNotFoundError("No module named 'narwhals'")
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"pip install 'recbole-adasid\[frames\]'"):
        Frame(TABLE, "table")


@pytest.mark.parametrize(
    "values",
    [
        [1.0, None],
        pd.Categorical([7, 8]),
        np.array([3, None], dtype=object),
        np.array([Decimal(7)], dtype=object),
        np.empty(0, dtype=np.int64),
    ],
)
def test_tokens_are_integers_again_also_from_columns_that_cannot_be_of_integers(values: Any) -> None:
    table = Frame(pd.DataFrame({"n": values}), "table").select(["n"])
    assert ids_like(table, "n", ["5", "7"]).tolist() == [5, 7] and ids_like(table, "n", ["new"]).tolist() == ["new"]


@pytest.mark.parametrize("values", [["7", 3], [3, "7"], [None], []])
def test_a_column_without_numbers_or_with_texts_too_has_strings_whatever_comes_first(values: Any) -> None:
    table = Frame(pd.DataFrame({"n": np.array(values, dtype=object)}), "table").select(["n"])
    assert ids_like(table, "n", ["5"]).tolist() == ["5"]
