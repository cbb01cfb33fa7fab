from __future__ import annotations

import numpy as np

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.datasets.splits import load_splits


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
