"""Datasets and dataloaders that RecBole pickles: never written for TIGER, and refused before they are unpickled."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_adasid.host.peers.names import OURS
from recbole_adasid.host.registration import replace_function
from recbole_adasid.host.settings import SettingsError

# RecBole's settings that ask for pickles.
PICKLE_KEYS = ("save_dataset", "dataset_save_path", "save_dataloaders", "dataloaders_save_path")


def guard_pickles(module: ModuleType) -> None:
    """Let RecBole's functions that unpickle a saved dataset or saved dataloaders refuse to do so for TIGER."""
    for name in ("create_dataset", "load_split_dataloaders"):
        replace_function(module, name, _guarded(getattr(module, name)))


def refuse_saved_data(config: Any) -> None:
    """Check that RecBole has no pickle to load or to save for TIGER under this Config.

    Raises:
        SettingsError: for a setting that asks for one, or a file in `checkpoint_dir` that RecBole would load.
    """
    for key in PICKLE_KEYS:
        if config[key]:
            raise SettingsError(
                f"{key}={config[key]!r} asks RecBole for a pickle, which could execute anything when it is loaded: "
                "unset it; TIGER's dataset is made from its files each time, which takes seconds."
            )
    model = config["model"]
    for name in (f"{config['dataset']}-{model}Dataset.pth", f"{config['dataset']}-for-{model}-dataloader.pth"):
        path = Path(config["checkpoint_dir"]) / name
        if path.exists():
            raise SettingsError(
                f"RecBole would unpickle {path}, which could execute anything: remove it or choose another "
                "checkpoint_dir or run_folder."
            )


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def guarded(config: Any) -> Any:
        if config["model"] in OURS:
            refuse_saved_data(config)
        return function(config)

    return guarded
