from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recbole.utils.enum_type import EvaluatorType, ModelType

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config_values import from_plain, to_plain


def test_settings_survive_the_way_through_plain_types():
    settings = {
        "type": ModelType.SEQUENTIAL,
        "eval": EvaluatorType.RANKING,
        "pair": (1, 2.5),
        "list": [None, "a", True],
    }
    assert from_plain(to_plain(settings)) == settings


def test_numpy_numbers_become_python_numbers():
    plain = to_plain({"score": np.float64(0.5), "count": np.int64(3)})
    assert [type(value) for value in plain.values()] == [float, int]


def test_a_config_loads_with_torch_s_protection_on(tmp_path):
    config = build_config({"epochs": 3, "data_path": "relative", "dataset": "mine"})
    torch.save({"config": config}, tmp_path / "model.pth", pickle_protocol=2)
    loaded = torch.load(tmp_path / "model.pth", weights_only=True)["config"]
    assert loaded["epochs"] == 3 and loaded["MODEL_TYPE"] is ModelType.SEQUENTIAL
    assert loaded["device"] == config["device"] and loaded["single_spec"] is True
    assert Path(loaded["data_path"]) == Path.cwd() / "relative" / "mine"
    assert "Hyper Parameters" in str(loaded)


def test_nothing_but_the_allowed_function_may_be_called(tmp_path):
    torch.save({"config": Path("x")}, tmp_path / "model.pth", pickle_protocol=2)
    with pytest.raises(Exception, match="Unsupported global|[Ww]eights"):
        torch.load(tmp_path / "model.pth", weights_only=True)
