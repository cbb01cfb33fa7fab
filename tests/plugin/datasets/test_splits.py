from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.splits import LastSplits, load_splits


def test_splits_hold_training_and_validation_examples_and_no_test_item(tiny_settings: dict[str, object]) -> None:
    items, train, valid = load_splits(build_config(tiny_settings))
    users, rows = items.training_interactions()
    assert len(valid.targets) == len(np.unique(users)) == 30
    assert len(train.targets) + 30 == len(rows)  # of every user all training interactions but the first are targets
    history, lengths, targets = valid.batch(np.arange(30), 4)
    last = history[np.arange(30), lengths - 1]
    walked = [int(items.item_tokens()[t - 1][1:]) for t in targets.tolist()]
    before = [int(items.item_tokens()[t - 1][1:]) for t in last.tolist()]
    assert walked == [(step + 1) % 20 for step in before]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({}, {"tokenizer": "adasid", "codebook_size": 8, "seed": 3}, True),
        ({}, {"cold_item_share": 0.1}, False),
        ({}, {"eval_examples": 10}, False),
        ({"cold_item_share": 0.1}, {"cold_item_share": 0.1, "codebook_size": 8}, True),
        ({"cold_item_share": 0.1, "seed": 1}, {"cold_item_share": 0.1, "seed": 2}, False),
    ],
)
def test_splits_are_loaded_again_where_the_settings_may_change_them(
    before: dict[str, Any], after: dict[str, Any], same: bool, tiny_settings: dict[str, object]
) -> None:
    splits = LastSplits()
    first = splits.of(build_config({**tiny_settings, **before}))
    config = build_config({**tiny_settings, **after})
    second, wanted = splits.of(config), load_splits(config)
    assert (second is first) == same
    assert [part.digest() for part in second[1:]] == [part.digest() for part in wanted[1:]]
    assert second[0].training_digest() == wanted[0].training_digest()
