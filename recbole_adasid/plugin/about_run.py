"""What a run was: versions, machine, the dataset's figures, and the settings that are not the defaults."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from recbole_adasid.io.json_file import as_json
from recbole_adasid.version import VERSION

PACKAGES = ("torch", "numpy", "pandas", "scipy", "scikit-learn", "recbole")
PLACES = ("model", "dataset", "data_path", "run_folder", "run_root", "cache_dir", "checkpoint_dir")
"""Settings that other entries name, or that say where things are."""
DISPLAY = ("show_progress", "state", "report")


def about_run(
    config: Any, parts: dict[str, Any], n_parameters: int, features: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return plain values about a run.

    Args:
        config: of RecBole.
        parts: the dataset's parts by name: ``train``, ``valid``, ``test``.
        n_parameters: of the network.
        features: what the item features were made of; None where Semantic IDs were given and there are none.
    """
    every = parts["test"]  # whatever training leaves out, the last part has the whole history
    return {
        "versions": {"recbole-adasid": VERSION, "python": platform.python_version(), **_installed()},
        "device": str(config["device"]),
        "network_parameters": n_parameters,
        "dataset": {
            "name": config["dataset"],
            "users": every.user_num - 1,
            "items": every.item_num - 1,
            "interactions": len(every.flat_items),
            "examples": {name: len(part) for name, part in parts.items()},
        },
        "item_features": features,
        "defaults_of_changed_settings": changed_settings(config),
    }


def changed_settings(config: Any) -> dict[str, Any]:
    """Return the settings that somebody set to something else than the default, each with that default.

    What the presets of tokenizer, dataset and model size set counts as default.
    """
    given = {**config.file_config_dict, **config.variable_config_dict, **config.cmd_config_dict}
    defaults = config.internal_config_dict
    return {
        key: defaults.get(key)
        for key in sorted(given.keys() - {*PLACES, *DISPLAY})
        if as_json({key: config[key]}) != as_json({key: defaults.get(key)})
    }


def _installed() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # imported from a folder
            continue
    return found
