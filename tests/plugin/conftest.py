"""A trainer and its data, for any settings."""

from __future__ import annotations

import pytest
from recbole.data import create_dataset, data_preparation
from recbole.utils import init_seed

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.plugin.trainer import TIGERTrainer


@pytest.fixture
def prepare(tiny_settings, tmp_path, monkeypatch):
    """A function that builds trainer and data for changed settings."""
    monkeypatch.chdir(tmp_path)

    def build(**changes):
        config = build_config({**tiny_settings, **changes})
        init_seed(config["seed"], True)
        data = data_preparation(config, create_dataset(config))
        return TIGERTrainer(config, TIGER(config, data[0].dataset)), data

    return build
