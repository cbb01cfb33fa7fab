from __future__ import annotations

from typing import Any

import pytest

from recbole_adasid.evaluation.candidates import sampled_mode


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
