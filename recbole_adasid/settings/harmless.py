"""Settings out of a file may describe a model and its data, and do nothing: whoever made the file is not the user.

A checksum tells that a file is as it was written, not who wrote it. What fetches, writes, starts processes or connects
to others is therefore taken from the user alone, unless the user says that the file is his own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

INERT: dict[str, Any] = {
    # --- fetches ---
    "download": False,
    **dict.fromkeys(("reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256")),
    **{"image_download": False, "image_private_hosts": False, "log_wandb": False},
    # --- converts, keeps or writes ---
    **dict.fromkeys(("interactions_table", "items_table", "cache_dir")),
    **{"item_features_mapped": False, "save_dataset": False, "save_dataloaders": False},
    # --- reads what would have to be unpickled ---
    **dict.fromkeys(("dataset_save_path", "dataloaders_save_path")),
    # --- starts or joins other processes ---
    **{"pair_engine": "local", "ray_address": None, "ray_workers": None},
}
"""Settings that act, and the values with which they do not."""
OF_THE_MACHINE = (
    "device",
    "local_rank",
    "rank_on_machine",
    "single_spec",
    "nproc",
    "world_size",
    "ip",
    "port",
    "offset",
)
"""Decided anew wherever a model is loaded; those of RecBole's would open a connection."""
OF_THE_COMMAND = ("config_file", "config_files")
READ = (
    *("data_path", "interactions_files", "item_features_file", "image_folder", "pair_file", "sids_file"),
    "behaviour",  # of a modality
)
"""Where data is, in formats that execute nothing: read as it is named, but not from other machines."""


def harmless(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings of a file without what acts: a copy.

    Args:
        settings: of the file.
        folder: where the file is; it takes the place of the folders that the settings would write to.

    Raises:
        ValueError: for data on another machine's share, which would be asked when it is read.
    """
    kept = {key: value for key, value in settings.items() if key not in (*OF_THE_MACHINE, *OF_THE_COMMAND)}
    kept |= {key: value for key, value in INERT.items() if key in kept}
    kept |= {key: str(folder) for key in ("run_folder", "checkpoint_dir") if key in kept}
    if "run_root" in kept:
        kept["run_root"] = str(folder.parent)
    if isinstance(kept.get("worker"), int):
        kept["worker"] = max(0, min(kept["worker"], os.cpu_count() or 1))
    _refuse_shares(kept)
    modalities = kept.get("modalities")
    if isinstance(modalities, list):
        kept["modalities"] = [_inert(one) if isinstance(one, Mapping) else one for one in modalities]
    return kept


def _refuse_shares(settings: Mapping[str, Any]) -> None:
    for key in READ:
        if str(settings.get(key) or "").startswith(("\\\\", "//")):
            raise ValueError(f"{key}={settings[key]!r} is on another machine, which is not asked at the wish of a file")


def _inert(modality: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_shares(modality)
    return {key: INERT.get(key, value) for key, value in modality.items()}


_LOCAL = ContextVar("_LOCAL", default=False)


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Within, pretrained encoders are taken from what was downloaded before, by name: a file chose which."""
    token = _LOCAL.set(True)
    try:
        yield
    finally:
        _LOCAL.reset(token)


def pretrained_options(name: str, key: str) -> dict[str, Any]:
    """Return what a library is told that loads the pretrained model ``name`` of the setting ``key``.

    Raises:
        ValueError: if a file chose it and it is a folder.
    """
    if not _LOCAL.get():
        return {}
    if Path(name).expanduser().exists() or os.path.isabs(name) or name.startswith("."):
        raise ValueError(
            f"{key}={name!r} is a folder that a file names, which is not trusted to load models from: {_REMEDY}"
        )
    return {"local_files_only": True}


def pretrained_remedy(otherwise: str) -> str:
    """Return what to do where a pretrained model could not be loaded."""
    return f"a file chose it, so that it is not downloaded: {_REMEDY}" if _LOCAL.get() else otherwise


_REMEDY = "set trusted=true if the run is your own, or bring the vectors"
