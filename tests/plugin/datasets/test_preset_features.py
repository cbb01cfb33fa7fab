"""Presets of Amazon name a feature file, which a converted dataset does not have."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from recbole.data import create_dataset

from recbole_adasid.plugin.config.building import build_config

FILE = "amazon-toys.text-embedding.npz"


@pytest.fixture
def data_path(tmp_path: Path, write_dataset: Any) -> Path:
    rows = [(f"u{user}", f"i{(user + step) % 7}", str(step)) for user in range(5) for step in range(5)]
    write_dataset(tmp_path, rows, name="amazon-toys")
    return tmp_path


def config_of(data_path: Path, **settings: Any) -> Any:
    everyone = {"user_inter_num_interval": "[0,inf)", "item_inter_num_interval": "[0,inf)"}
    return build_config({"dataset": "amazon-toys", "data_path": str(data_path), **everyone, **settings})


def test_without_the_file_texts_are_taken_and_a_warning_says_so(data_path, caplog):
    config = config_of(data_path)
    assert config["item_features_file"] is None
    create_dataset(config)
    assert f"The preset's {FILE} does not exist: item features come from texts (title) by tfidf" in caplog.text


def test_with_the_file_it_is_taken(data_path, caplog):
    (data_path / "amazon-toys" / FILE).touch()
    config = config_of(data_path)
    assert config["item_features_file"] == FILE
    create_dataset(config)
    assert "The preset's" not in caplog.text


@pytest.mark.parametrize("chosen", [FILE, None])
def test_what_the_user_sets_is_neither_replaced_nor_commented(data_path, caplog, chosen):
    with caplog.at_level(logging.WARNING):
        config = config_of(data_path, item_features_file=chosen)
        create_dataset(config)
    assert config["item_features_file"] == chosen
    assert "The preset's" not in caplog.text
