from __future__ import annotations

from typing import Any

import pytest

from recbole_adasid.evaluation.candidates import sampled_mode, told_of_sampled, uses_beam


@pytest.mark.parametrize(
    ("eval_args", "mode"),
    [
        ({"mode": "full"}, ""),
        ({"mode": {"valid": "uni10", "test": "full"}}, ""),
        ({"mode": {"valid": "full", "test": "pop100"}}, "pop100"),
        ({"mode": "uni10"}, "uni10"),
        ({}, ""),
        (None, ""),
        ("odd", ""),
    ],
)
def test_the_mode_is_that_of_the_test(eval_args: Any, mode: str) -> None:
    assert sampled_mode({"eval_args": eval_args}) == mode
    assert sampled_mode({}) == ""


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("full", ""),
        ("uni20", "Validation and test rank held-out items among a few sampled items only (uni20): values are higher"),
        ({"valid": "uni20", "test": "full"}, "among a few sampled items only (uni20), the test among all items: do"),
        ({"valid": "full", "test": "pop9"}, "among all items, the test among a few sampled items only (pop9): do not"),
    ],
)
def test_the_mode_of_each_part_is_told(mode: Any, told: str) -> None:
    found = told_of_sampled({"eval_args": {"mode": mode}})
    assert told in found and bool(told) == bool(found)


@pytest.mark.parametrize(
    ("settings", "beam"),
    [
        ({}, True),
        ({"model": "TIGER", "eval_args": {"mode": "uni20"}}, False),
        ({"model": "LIGER", "retrieval": "dense"}, False),
        ({"model": "LIGER", "retrieval": "hybrid"}, True),
    ],
)
def test_sampled_candidates_and_dense_retrieval_use_no_beam(settings: dict[str, Any], beam: bool) -> None:
    assert uses_beam(settings) == beam
