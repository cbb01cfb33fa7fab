"""What TIGER's optimisers decay, and which of their states resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset, data_preparation

from recbole_adasid.io.tensor_file import MismatchedFile, read_tensors, write_tensors
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.run_folder.model_file import KIND


@pytest.fixture
def build(tiny_settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that builds a trainer and the data of its training."""
    monkeypatch.chdir(tmp_path)

    def built(**changes: Any) -> tuple[TIGERTrainer, Any]:
        config = build_config({**tiny_settings, **changes})
        train, *_ = data_preparation(config, create_dataset(config))
        return TIGERTrainer(config, TIGER(config, train.dataset)), train

    return built


@pytest.mark.parametrize("learner", ["AdamW", "adam", "sgd", "adagrad", "rmsprop"])
def test_only_weight_matrices_decay_with_any_learner(learner: str, build: Callable[..., Any]) -> None:
    trainer, _ = build(learner=learner, weight_decay=0.3)
    decaying, others = trainer.optimizer.param_groups
    assert decaying["weight_decay"] == 0.3 and others["weight_decay"] == 0
    linear = [module for module in trainer.model.modules() if isinstance(module, torch.nn.Linear)]
    assert {id(p) for p in decaying["params"]} == {id(module.weight) for module in linear}
    assert len(decaying["params"]) + len(others["params"]) == len(list(trainer.model.parameters()))


@pytest.mark.parametrize(("learner", "resumes"), [("AdamW", True), ("sgd", True), ("adam", False), ("adagrad", False)])
def test_a_state_of_an_earlier_version_resumes_if_its_parameters_have_the_same_order(
    learner: str, resumes: bool, build: Callable[..., Any]
) -> None:
    trainer, train = build(learner=learner, epochs=1)
    trainer.fit(train)
    path = Path(trainer.saved_model_file)
    build(learner=learner)[0].resume_checkpoint(path)
    tensors, about = read_tensors(path, KIND)
    del about["optimizer_layout"]
    write_tensors(path, KIND, tensors, about)
    again, _ = build(learner=learner)
    if resumes:
        again.resume_checkpoint(path)
        assert again.start_epoch == 1
        return
    with pytest.raises(
        MismatchedFile, match=rf"optimiser state \({learner}\) of an earlier version.*: train again, or load"
    ):
        again.resume_checkpoint(path)
    assert again.start_epoch == 0
