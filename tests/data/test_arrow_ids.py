"""Ids in Arrow columns become the tokens that the same ids become in other tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

pyarrow = pytest.importorskip("pyarrow")

from recbole_adasid.data.arrow_ids import tokens_of_arrow  # noqa: E402
from recbole_adasid.data.convert.cell_values import identifier  # noqa: E402


@pytest.mark.parametrize(
    "values",
    [
        [12345678901.0, 1e15, 2.0**60, 7.0, -0.0],
        [Decimal("1.00"), Decimal("12345678901.00")],
        [12345678901, -3],
        ["007", "x"],
    ],
)
def test_tokens_are_those_of_other_tables(values: list[Any]) -> None:
    as_python = [int(value) if isinstance(value, Decimal) else value for value in values]
    expected = [identifier(value, "item") for value in as_python]
    assert tokens_of_arrow(pyarrow.array(values), "a.parquet", "item_id").tolist() == expected
    assert tokens_of_arrow(pyarrow.chunked_array([values]), "a.parquet", "item_id").tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, None, float("nan")], ["1", None, None]),
        (["a", None], ["a", None]),
        ([b"a", b"b"], ["a", "b"]),
        ([Decimal("1.0"), None], ["1", None]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_missing_ids_stay_missing(values: list[Any], expected: list[str | None]) -> None:
    assert tokens_of_arrow(pyarrow.array(values), "a.parquet", "item_id").tolist() == expected


@pytest.mark.parametrize("values", [[1.0, 1.5], [float("inf")], [Decimal("1.50")], [True, False], [[1]]])
def test_other_ids_are_refused(values: list[Any]) -> None:
    with pytest.raises(ValueError, match="a.parquet: .*item_id.*neither text nor a whole number: save"):
        tokens_of_arrow(pyarrow.array(values), "a.parquet", "item_id")
