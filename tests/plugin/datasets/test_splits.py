from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.splits import LastSplits, load_splits
from recbole_adasid.settings.errors import SettingsError


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


@pytest.mark.parametrize("asked", [True, False])
def test_without_validation_there_is_nothing_to_compare_by(
    asked: bool, tiny_settings: dict[str, object], tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    """Either none is asked for, or users have three interactions: enough for a test, and none before it."""
    rows = [(f"u{user}", f"i{(user + step) % 9}", str(step)) for user in range(12) for step in range(3)]
    order = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}
    changes = {"eval_args": order} if asked else {"data_path": str(write_dataset(tmp_path, rows))}
    with pytest.raises(SettingsError, match=r"'tiny' leaves no validation example to compare by: let eval_args"):
        load_splits(build_config({**tiny_settings, **changes}))


@pytest.mark.parametrize("split", [{"TS": [0.6, 0.2, 0.2]}, {"RS": [6, 2, 2]}])
def test_items_of_users_who_come_after_the_training_period_are_not_of_training(
    split: dict[str, list[float]], tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    rows = [(f"u{user}", f"i{(user + step) % 9}", str(1000 + step)) for user in range(12) for step in range(9)]
    rows += [("late", item, str(5000 + step)) for step, item in enumerate(["i99", "i1", "i2", "i3"])]
    eval_args = {"split": split, "order": "TO", "group_by": "none", "mode": "full"}
    changes = {"dataset": "tiny", "data_path": str(write_dataset(tmp_path, rows)), "eval_args": eval_args}
    items, train, _ = load_splits(build_config({**changes, "text_fields": ["title"], "tokenizer": "rqkmeans"}))
    of_users, of_items = items.training_interactions()
    known = {items.item_tokens()[item] for item in of_items.tolist()}
    assert "i99" not in known and {"i0", "i8"} <= known and len(train.targets) > 30
    assert len(np.unique(of_users)) == 12


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
