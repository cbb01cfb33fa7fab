"""Settings from a file may only describe a model and its data, without side effects: its author is not the user.

A checksum proves that a file is unchanged, not who wrote it. Whatever downloads, writes, starts processes or connects
to others is therefore taken only from the user, unless the user trusts the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from recbole_adasid.io.one_line import one_line

INERT: dict[str, Any] = {
    # --- fetches ---
    "download": False,
    **dict.fromkeys(("reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256")),
    **{"image_download": False, "image_private_hosts": False},
    **{"log_wandb": False, "log_mlflow": False, "mlflow_tracking_uri": None},
    # --- converts, keeps or writes ---
    **dict.fromkeys(("interactions_table", "items_table", "cache_dir")),
    **{"item_features_mapped": False, "save_dataset": False, "save_dataloaders": False},
    # --- reads what would have to be unpickled ---
    **dict.fromkeys(("dataset_save_path", "dataloaders_save_path")),
    # --- starts or joins other processes ---
    **{"pair_engine": "local", "ray_address": None, "ray_workers": None},
}
"""Settings with side effects, and the values that disable them."""
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
"""Set again whenever a model is loaded; RecBole's would open a connection."""
OF_THE_COMMAND = ("config_file", "config_files")
READ = (
    *("data_path", "interactions_files", "item_features_file", "image_folder", "pair_file", "sids_file", "warm_start"),
    "behaviour",  # of a modality
)
"""Data locations, in formats that execute nothing: read as named, but not from other machines."""
PRETRAINED = ("text_encoder_model", "image_encoder_model")
"""Models by name on the hub, or by folder; also of a modality."""


def harmless(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a copy of a file's settings without side effects.

    Args:
        settings: from the file.
        folder: the file's folder; replaces the folders that the settings would write to.

    Raises:
        ValueError: for data on another machine's share, which reading would contact.
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
            raise ValueError(f"{key}={settings[key]!r} is on another machine, which a file's settings must not contact")


def _inert(modality: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_shares(modality)
    return {key: INERT.get(key, value) for key, value in modality.items()}


_LOCAL = ContextVar("_LOCAL", default=False)


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Within the block, take pretrained encoders only from earlier downloads: a file chose them by name."""
    token = _LOCAL.set(True)
    try:
        yield
    finally:
        _LOCAL.reset(token)


@contextmanager
def loading_pretrained(name: str, key: str, remedy: str) -> Iterator[dict[str, Any]]:
    """Yield the options for loading the pretrained model ``name`` from the setting ``key`` within the block.

    Raises:
        ValueError: if it is a folder chosen by a file, or cannot be loaded, with the ``remedy``.
    """
    local = _LOCAL.get()
    if local and (Path(name).expanduser().exists() or os.path.isabs(name) or name.startswith(".")):
        raise ValueError(
            f"{key}={name!r} is a folder named by an untrusted file, from which no models are loaded: {_REMEDY}"
        )
    try:
        yield {"local_files_only": True} if local else {}
    except (OSError, TypeError, ValueError) as error:  # TypeError from versions without the option
        if local:
            remedy = f"an untrusted file chose it, so it is not downloaded: {_REMEDY}"
        raise ValueError(f"{key} {name!r} cannot be loaded ({one_line(error)}): {remedy}.") from error


_REMEDY = "set trusted=true if the run is your own, or provide the vectors"
