"""A run's facts: versions, machine, dataset statistics, and settings that differ from the defaults."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from recbole_adasid.io.json_file import as_json
from recbole_adasid.settings.version import VERSION

PACKAGES = ("torch", "numpy", "pandas", "scipy", "scikit-learn", "recbole")
PLACES = ("model", "dataset", "data_path", "run_folder", "run_root", "cache_dir", "checkpoint_dir")
"""Settings covered by other entries, or that are only paths."""
DISPLAY = ("show_progress", "state", "report")


def about_run(
    config: Any, parts: dict[str, Any], n_parameters: int, features: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return plain values about a run.

    Args:
        config: RecBole config.
        parts: the dataset's parts by name: ``train``, ``valid``, ``test``.
        n_parameters: number of network parameters.
        features: what the item features were made of; None if Semantic IDs were given and there are no features.
    """
    every = parts["test"]  # training may leave items out; the last part has the whole history
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
    """Return the settings changed from their defaults, each with its default.

    Values set by the tokenizer, dataset and model size presets count as defaults.
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
