"""RecBole's pickled datasets and dataloaders are neither written nor read for TIGER."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from recbole.data import create_dataset, data_preparation

import fresh
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.settings.errors import SettingsError

FILES = ("tiny-TIGERDataset.pth", "tiny-for-TIGER-dataloader.pth")
Settings = dict[str, object]


@pytest.mark.parametrize("setting", ["save_dataset", "save_dataloaders", "dataset_save_path", "dataloaders_save_path"])
def test_settings_that_ask_for_a_pickle_are_refused(setting: str, tiny_settings: Settings, tmp_path: Path) -> None:
    value = True if setting in ("save_dataset", "save_dataloaders") else str(tmp_path / "data.pth")
    with pytest.raises(SettingsError, match=f"{setting}=.*unset it"):
        run({**tiny_settings, setting: value})
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.parametrize("name", FILES)
def test_a_pickle_in_the_run_folder_is_refused(name: str, tiny_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SettingsError, match=f"{name}.*remove it"):
        run({**tiny_settings, "run_folder": str(tmp_path)})


def test_dataloaders_are_refused_even_after_the_dataset_was_made(tiny_settings: Settings, tmp_path: Path) -> None:
    config = build_config({**tiny_settings, "checkpoint_dir": str(tmp_path)})
    dataset = create_dataset(config)
    (tmp_path / FILES[1]).touch()
    with pytest.raises(SettingsError, match="dataloader"):
        data_preparation(config, dataset)


def test_other_models_may_save_and_load_their_datasets(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
    settings = {"data_path": str(tiny_data), "save_dataset": True}
    settings["load_col"] = {"inter": ["user_id", "item_id", "timestamp"]}  # type: ignore[assignment]
    create_dataset(Config("Pop", "tiny", config_dict=dict(settings)))
    assert (tmp_path / "saved" / "tiny-Dataset.pth").exists()
    assert create_dataset(Config("Pop", "tiny", config_dict=dict(settings))).item_num == 21


def test_functions_imported_before_the_package_refuse_too() -> None:
    code = """
from recbole.data import create_dataset, data_preparation
import recbole_adasid, recbole.data.utils
print(create_dataset.__wrapped__.__name__, recbole.data.utils.load_split_dataloaders.__wrapped__.__name__)
"""
    done = fresh.python(code)
    assert done.stdout.split() == ["create_dataset", "load_split_dataloaders"], done.stderr
