"""What TIGER's optimisers decay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset, data_preparation

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.plugin.trainer import TIGERTrainer


@pytest.mark.parametrize("learner", ["AdamW", "adam", "sgd", "adagrad", "rmsprop"])
def test_only_weight_matrices_decay_with_any_learner(
    learner: str, tiny_settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = build_config({**tiny_settings, "learner": learner, "weight_decay": 0.3})
    train, *_ = data_preparation(config, create_dataset(config))
    trainer = TIGERTrainer(config, TIGER(config, train.dataset))
    decaying, others = trainer.optimizer.param_groups
    assert decaying["weight_decay"] == 0.3 and others["weight_decay"] == 0
    linear = [module for module in trainer.model.modules() if isinstance(module, torch.nn.Linear)]
    assert {id(p) for p in decaying["params"]} == {id(module.weight) for module in linear}
    assert len(decaying["params"]) + len(others["params"]) == len(list(trainer.model.parameters()))
