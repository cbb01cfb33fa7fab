"""Run settings that name its folder, are saved there, and decide whether earlier training can resume."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from recbole_adasid.distributed.joining import restarted
from recbole_adasid.distributed.world import world
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.model.names import LIGER
from recbole_adasid.model.settings import as_before
from recbole_adasid.plugin.config.building import known_settings
from recbole_adasid.plugin.config_values import to_plain
from recbole_adasid.plugin.peers.names import is_tiger
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.warm_start import warm_start_digest
from recbole_adasid.settings.place import OF_THE_PLACE


def run_folder(config: Any) -> Path:
    """Return the run folder: the configured one, or the one that a torchrun restart resumes, or a new one."""
    if config["run_folder"]:
        return Path(config["run_folder"])
    return (_interrupted(config) if restarted() else None) or _new(config)


def _new(config: Any) -> Path:
    """Create a folder that no other job has, even if several start in the same second, and return it."""
    name = f"{_stem(config)}{datetime.now():%Y%m%d-%H%M%S}"
    path, number = Path(config["run_root"]) / name, 1
    with suppress(OSError):  # reported where the folder is used
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                path.mkdir()
                break
            except FileExistsError:
                number += 1
                path = path.with_name(f"{name}-{number}")
    return path


def _interrupted(config: Any) -> Path | None:
    """Return the newest unfinished run folder with these settings, or None."""
    runs = Path(config["run_root"]).glob(f"{glob.escape(_stem(config))}*")
    unfinished = [RunFolder(path) for path in sorted(runs, reverse=True) if not (path / "metrics.json").exists()]
    return next((folder.path for folder in unfinished if folder.has_config(writable(config))), None)


def _stem(config: Any) -> str:
    name = sids_name(config) if is_tiger(config) else config["model"]
    return f"{config['dataset']}-{'liger-' * (config['model'] == LIGER)}{name}-"


def training_key(config: Any, semantic_ids: str, interactions: str, validated: str = "") -> str:
    """Return the fingerprint of everything training depends on: settings except paths and display, Semantic IDs,
    training interactions, and what epochs are compared on.
    """
    elsewhere = OF_THE_PLACE | {"reviews_url", "reviews_sha256", "metadata_url", "metadata_sha256"}
    elsewhere |= {"interactions_table", "items_table", "interactions_columns", "items_columns", "table_time_unit"}
    elsewhere |= {"table_delimiter"}
    elsewhere |= {"title_field", "category_field", "sids_file", "warm_start", "interactions_files"}
    settings = {key: to_plain(value) for key, value in writable(config).items() if key not in elsewhere}
    about = {"semantic_ids": semantic_ids, "interactions": interactions, "dataset": str(config["dataset"])}
    if validated:
        about["validated"] = validated
    if str(config["learner"]).lower() != "adamw":  # a state of earlier versions has its parameters in another order
        about["weight_decay"] = "on weight matrices"
    if config["warm_start"]:
        about["warm_start"] = warm_start_digest(config["warm_start"])
    return fingerprint({"settings": as_before(settings), **about})


def sids_name(config: Any) -> str:
    """Return the name of the Semantic IDs: the tokenizer's, or that of the bundle they come from."""
    return Path(config["sids_file"]).resolve().name if config["sids_file"] else config["tokenizer"]


def writable(config: Any) -> dict[str, Any]:
    """Return the settings that a later run can be given, without those that RecBole derives."""
    derived = {"run_folder", "checkpoint_dir", "data_path", "valid_metric_bigger", "local_rank"}
    kept = known_settings(config["model"]) - derived
    settings = {key: value for key, value in config.final_config_dict.items() if key in kept}
    if settings["train_neg_sample_args"]["distribution"] == "none":
        # RecBole stores "no negatives" in a form that it does not accept itself.
        settings["train_neg_sample_args"] = None
    if world().size > 1 and "gpu_id" not in config.external_config_dict:
        settings.pop("gpu_id")  # the default is a single GPU, but several processes take all
    for key in ("sids_file", "warm_start"):
        if config[key]:
            settings[key] = str(Path(config[key]).resolve())
    # The dataset's folder may be a link, with its target elsewhere and under another name.
    return {**settings, "data_path": os.path.dirname(os.path.abspath(config["data_path"]))}
