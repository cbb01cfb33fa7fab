"""Sorting against numpy's stable argsort and lexsort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_adasid.data.ordering import lexsort, stable_order

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
