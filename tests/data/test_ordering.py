"""Sorting against numpy's stable argsort and lexsort."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_adasid.data.ordering import _packed, lexsort, stable_order

KINDS = {
    np.int64: st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    np.uint64: st.integers(0, 2**64 - 1),
    np.uint8: st.integers(0, 255),
    np.int32: st.integers(-5, 5),
    np.bool_: st.booleans(),
    np.float32: st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, -1.0]),
    np.float64: st.floats(allow_nan=False) | st.integers(-(2**53), 2**53).map(float) | st.sampled_from([0.0, -0.0]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_that_of_a_stable_argsort(kind: type) -> None:
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine is no fault
    @given(st.integers(0, 40).flatmap(lambda count: arrays(kind, count, elements=KINDS[kind])))
    def check(values: np.ndarray) -> None:
        found = stable_order(values)
        assert found.dtype == np.int64 and found.tolist() == np.argsort(values, kind="stable").tolist()

    check()


@pytest.mark.parametrize(
    "values",
    [
        np.arange(100_000)[::-1] // 7,
        np.random.default_rng(0).integers(1_400_000_000, 1_500_000_000, 50_000).astype(np.float64),
        np.random.default_rng(1).normal(size=50_000).astype(np.float32).round(2),
        np.array([1.5e9 + 0.25, 1.5e9, 1.5e9 + 0.25]),
    ],
)
def test_long_columns_and_fractions_are_ordered_too(values: np.ndarray) -> None:
    assert np.array_equal(stable_order(values), np.argsort(values, kind="stable"))


def test_ties_go_to_the_key_before_and_then_to_the_place() -> None:
    random = np.random.default_rng(0)
    keys = (
        random.integers(3, size=500),
        -random.integers(4, size=500).astype(np.float32),
        random.integers(5, size=500),
    )
    assert lexsort(keys).tolist() == np.lexsort(keys).tolist()
    assert lexsort(keys[:1]).tolist() == np.lexsort(keys[:1]).tolist()


KEPT = 2**62 - 1  # with one bit for two rows, 63 bits


@pytest.mark.parametrize(
    "values",
    [
        *(np.array([5, 3, 7, 3], dtype=kind) for kind in (np.int8, np.uint8, np.int32, np.uint32, np.int64)),
        np.array([True, False, True]),
        np.array([1.5e9 + 1, 1.5e9]),
        np.array([2.5, -1.5, 0.0, -0.0], dtype=np.float32),
        np.array([KEPT, 0]),
        np.array([2**61 - 1, 0, 1, 0]),
    ],
)
def test_what_fits_in_63_bits_with_its_row_is_sorted_without_an_argsort(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = np.argsort(values, kind="stable").tolist()
    monkeypatch.setattr(np, "argsort", None)
    assert stable_order(values).tolist() == expected


def test_value_and_row_stand_in_one_integer_where_63_bits_hold_both() -> None:
    assert _packed(np.array([5, 3, 7])).tolist() == [2 * 4 + 0, 0 * 4 + 1, 4 * 4 + 2]
    for too_much in ([KEPT + 1, 0], [2**61, 0, 1, 0], [2**63 - 1, -(2**63)]):
        assert _packed(np.array(too_much)) is None


def test_numbers_beyond_64_bits_are_ordered_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stable_order([1e25, 1.0, -(2.0**63)]).tolist() == [2, 1, 0]
