"""Refuse what RecBole would unpickle or evaluate, for TIGER and for any model whose settings come from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError

# RecBole settings that request pickles.
PICKLE_KEYS = ("save_dataset", "dataset_save_path", "save_dataloaders", "dataloaders_save_path")

LOADED = (
    *("dataset_save_path", "dataloaders_save_path", "warm_up"),
    *("pre_model_path", "pretrain_path", "mf_pretrain_path", "mlp_pretrain_path", "xgb_model", "lgb_model"),
)
"""Settings of RecBole models that name a file to unpickle."""
TEACHERS = ("CIN", "CrossNet", "DAGFM")
"""Teacher networks of KD_DAGFM, by class name."""
_OWN = "load it with trusted=True if it is your own"


def refuse_saved_data(config: Any) -> None:
    """Check that RecBole would load or save no pickle for TIGER under this Config.

    Raises:
        SettingsError: for a setting that requests one, or a file in `checkpoint_dir` that RecBole would load.
    """
    for key in PICKLE_KEYS:
        if config[key]:
            raise SettingsError(
                f"{key}={config[key]!r} asks RecBole for a pickle, which could execute anything when loaded: "
                "unset it; TIGER rebuilds its dataset from its files each time, in seconds."
            )
    model = config["model"]
    for name in (f"{config['dataset']}-{model}Dataset.pth", f"{config['dataset']}-for-{model}-dataloader.pth"):
        path = Path(config["checkpoint_dir"]) / name
        if path.exists():
            raise SettingsError(
                f"RecBole would unpickle {path}, which could execute anything: remove it or choose another "
                "checkpoint_dir or run_folder."
            )


def refuse_unpickling(settings: Mapping[str, Any], folder: Path) -> None:
    """Check that building the dataset and model of an untrusted checkpoint executes nothing from a file.

    RecBole 1.2.1 evaluates a setting of KD_DAGFM, unpickles saved datasets and dataloaders, and lets several models
    load further files through torch, or through NumPy with pickles allowed.

    Args:
        settings: the checkpoint's settings, unmodified.
        folder: the checkpoint's folder.

    Raises:
        SettingsError: naming the setting or the file.
    """
    for key in LOADED:
        if settings.get(key):
            raise SettingsError(
                f"{key}={_shown(settings[key])} lets RecBole load a file that could execute anything: {_OWN}"
            )
    if "teacher" in settings and settings["teacher"] not in TEACHERS:
        raise SettingsError(
            f"teacher={_shown(settings['teacher'])} is Python code that RecBole would execute: {_OWN}, or use one of "
            f"{', '.join(TEACHERS)}"
        )
    if settings["model"] == "LDiffRec" and settings.get("n_cate") not in (None, 1):
        raise SettingsError(f"n_cate={_shown(settings['n_cate'])} lets LDiffRec unpickle item_emb.npy: {_OWN}")
    for place in dict.fromkeys([folder, Path(str(settings.get("checkpoint_dir") or folder))]):
        for path in _saved_data(settings, place):
            if path.exists():
                raise SettingsError(
                    f"RecBole would unpickle {path}, which could execute anything: remove it, or {_OWN}"
                )


def _saved_data(settings: Mapping[str, Any], folder: Path) -> list[Path]:
    """Return the paths where RecBole would look for a saved dataset of any kind, and for dataloaders."""
    import recbole.data.dataset

    kinds = [name for name in (*dir(recbole.data.dataset), "TIGERDataset") if name.endswith("Dataset")]
    dataset = settings["dataset"]
    names = [*(f"{dataset}-{kind}.pth" for kind in kinds), f"{dataset}-for-{settings['model']}-dataloader.pth"]
    return [folder / name for name in names]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
