"""What the pages of version 0.1.0 import is still found where they said."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("former", "now", "name"),
    [
        ("assignment", "tokenizer.bulk.blocks", "assign_semantic_ids"),
        ("data.behaviour", "features.behaviour_vectors", "write_item_vectors"),
        ("recommender", "serving.recommender", "Recommender"),
    ],
)
def test_a_name_of_before_is_that_of_now(former: str, now: str, name: str) -> None:
    before, after = (importlib.import_module(f"recbole_adasid.{module}") for module in (former, now))
    assert getattr(before, name) is getattr(after, name)
