"""RecBole's loaders hold nothing for users and rows that nobody asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recbole.data import create_dataset, data_preparation
from recbole.data.dataloader import abstract_dataloader

from recbole_adasid.plugin.config.building import build_config


def loaders(settings: dict[str, Any], mode: str) -> tuple[Any, ...]:
    evaluation = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": mode}
    config = build_config({**settings, "eval_args": evaluation})
    return data_preparation(config, create_dataset(config))


@pytest.mark.parametrize(("mode", "sampled"), [("full", False), ("uni5", True)])
def test_there_is_a_sampler_where_items_are_sampled(tiny_settings: dict[str, Any], mode: str, sampled: bool) -> None:
    _, valid, test = loaders(tiny_settings, mode)
    assert [loader._sampler is not None for loader in (valid, test)] == [sampled, sampled]


def test_rows_are_counted_and_not_listed(tiny_settings: dict[str, Any]) -> None:
    for loader in loaders(tiny_settings, "full"):
        loader.__dict__["dataset"]
        assert isinstance(loader.__dict__["dataset"], range)
        users = [batch[0]["user_id"] if isinstance(batch, tuple) else batch["user_id"] for batch in loader]
        assert sum(map(len, users)) == len(loader._dataset)


def test_other_values_are_listed_as_ever() -> None:
    assert abstract_dataloader.list("ab") == ["a", "b"] and abstract_dataloader.list() == []
    assert abstract_dataloader.list(np.arange(2)) == [0, 1]


def test_other_models_train_on_such_loaders(tiny_settings: dict[str, Any], tmp_path: Any) -> None:
    from recbole.quick_start import run_recbole

    shared = {key: tiny_settings[key] for key in ("data_path", "MAX_ITEM_LIST_LENGTH", "show_progress")}
    given = {**shared, "epochs": 1, "train_neg_sample_args": None, "checkpoint_dir": str(tmp_path)}
    given |= {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "worker": 0}
    assert run_recbole("GRU4Rec", "tiny", config_dict=given, saved=False)["test_result"]["recall@10"] > 0
