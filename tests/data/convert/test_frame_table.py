"""Tables in memory, from any library, become the same atomic files as the same tables in files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_adasid.data.convert.conversion import convert
from recbole_adasid.data.convert.tables import RawTable, Table, table_interactions, table_items
from recbole_adasid.settings.errors import SettingsError

pytest.importorskip("narwhals")
from recbole_adasid.data.convert.frame_table import FrameTable  # noqa: E402
from recbole_adasid.io.frames import Frame  # noqa: E402

LOG = pd.DataFrame({"customer": ["u1", "u2", None], "sku": [7, 8, 9], "when": pd.to_datetime(["2024-01-02"] * 3)})
NAMES = {"user_id": "customer", "item_id": "sku", "timestamp": "when"}


def converted(
    log: Table, goods: Table | None = None, columns: dict[str, str] | None = None
) -> tuple[bytes, ...] | None:
    """Return the content of both atomic files, or None if there is no usable interaction."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "shop"
        items = None if goods is None else table_items(goods, {})
        try:
            convert(table_interactions(log, columns or {}), items, home)
        except ValueError as error:
            assert "has a usable interaction" in str(error)
            return None
        return tuple(path.read_bytes() for path in sorted(home.iterdir()))


def of_frame(table: Any, what: str = "interactions") -> FrameTable:
    return FrameTable(Frame(table, what))


def test_a_log_of_every_library(frame_of: Callable[[Any], Any]) -> None:
    found = converted(of_frame(frame_of(LOG)), columns=NAMES)
    header = b"user_id:token\titem_id:token\ttimestamp:float\n"
    assert found == (header + b"u1\t7\t1704153600\nu2\t8\t1704153600\n",)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
NUMBERS = st.integers(-(2**50), 2**50)
MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1))
LISTS = st.lists(TEXTS, max_size=2)


@st.composite
def arrow_columns(draw: st.DrawFn, kinds: list[str], n_rows: int) -> Any:
    import pyarrow as pa

    kind = draw(st.sampled_from(kinds))
    values, made = {
        "text": (TEXTS | st.sampled_from(["a", "b"]), pa.string()),
        "category": (st.sampled_from(["a", "b", "1"]), pa.string()),
        "whole": (NUMBERS, pa.int64()),
        "real": (st.floats(0, 1e10, width=32), pa.float64()),
        "flag": (st.booleans(), pa.bool_()),
        "moment": (MOMENTS, pa.timestamp("us")),
        "zoned": (MOMENTS.map(lambda moment: moment.replace(tzinfo=timezone.utc)), pa.timestamp("us", "Asia/Tokyo")),
        "list": (LISTS, pa.list_(pa.string())),
    }[kind]
    column = pa.array(draw(st.lists(st.none() | values, min_size=n_rows, max_size=n_rows)), made)
    return column.dictionary_encode() if kind == "category" else column


@st.composite
def shops(draw: st.DrawFn) -> tuple[Any, Any]:
    """Arrow tables of interactions and items, with gaps and types of all kinds."""
    import pyarrow as pa

    ids, times = ["text", "whole", "category"], ["whole", "real", "text", "moment", "zoned"]
    size = draw(st.integers(0, 8))
    log = [draw(arrow_columns(kinds, size)) for kinds in (ids, [*ids, "flag"], times)]
    size = draw(st.integers(0, 5))
    goods = [draw(arrow_columns(kinds, size)) for kinds in (ids, ["text", "whole", "moment", "list"], ["real", "flag"])]
    return pa.table(log, names=list(NAMES)), pa.table(goods, names=["item_id", "title", "price"])


@settings(max_examples=25)
@given(data=st.data())
def test_all_libraries_and_a_parquet_file_give_the_same_bytes(data: st.DataObject) -> None:
    polars, parquet = pytest.importorskip("polars"), pytest.importorskip("pyarrow.parquet")
    tables = data.draw(shops())
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.parquet" for name in ("log", "goods")]
        for table, path in zip(tables, paths):
            parquet.write_table(table, path)
        expected = converted(*map(RawTable, paths))
    kinds: list[Callable[[Any], Any]] = [
        *(lambda table: table, lambda table: table.to_reader(), lambda table: table.to_pandas()),
        *(lambda table: table.to_pandas(types_mapper=pd.ArrowDtype), polars.from_arrow),
    ]
    for kind in kinds:
        assert converted(*(of_frame(kind(table)) for table in tables)) == expected


def test_rows_that_cannot_be_used_are_told_by_their_number_from_0() -> None:
    rows = table_interactions(of_frame(LOG.iloc[[0, 2, 1, 2]]), NAMES)
    assert len(list(rows.rows)) == 2
    assert rows.lines.summary() == "interactions: 4 rows read, 2 left out: 2 with no user (rows 1, 3)"
    goods = pd.DataFrame({"item_id": ["a", "b"], "price": ["1.50", "cheap"]})
    items = table_items(of_frame(goods, "items"), {})
    assert list(items.rows) == [("a", "1.50"), ("b", "")]
    assert items.lines.summary().endswith("cannot be used: 1 of price, first 'cheap' in row 1")


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (LOG.iloc[:0], r"No row has a usable interaction\. interactions: 0 rows read"),
        (LOG.assign(when=True), r"3 left out: 2 with a time that cannot be read \(rows 0, 1\), first True"),
        (LOG.assign(when=pd.Timedelta("1D")), "a time that cannot be read .* first 1 day"),
        (
            LOG.assign(sku=[1.5, 2.5, 3.5]),
            r"2 with a value as item that is neither text nor a whole number .* first 1\.5",
        ),
        (LOG.assign(customer=[[1], b"x", {}]), "a value as user that is neither text nor a whole number"),
    ],
)
def test_a_table_without_a_usable_row_says_why(log: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        convert(table_interactions(of_frame(log), NAMES), None, tmp_path / "shop")
    assert not list((tmp_path / "shop").glob("shop.*"))


def test_a_missing_column_is_named_with_the_setting_that_maps_it() -> None:
    with pytest.raises(
        SettingsError,
        match=r"interactions has no column 'custmer' among customer, sku, when, for user_id: map it, as in "
        r"interactions_columns=\{'user_id': 'customer'\}\.$",
    ):
        table_interactions(of_frame(LOG), {**NAMES, "user_id": "custmer"}, key="interactions_columns")
    with pytest.raises(SettingsError, match=r"it is the index, so pass interactions\.reset_index\(\)"):
        table_interactions(of_frame(LOG.set_index("customer")), NAMES)
