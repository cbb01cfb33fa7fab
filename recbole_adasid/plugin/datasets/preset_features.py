"""The feature file named by a dataset's preset: optional."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.settings.presets import read_props

logger = logging.getLogger(__name__)

_KEY = "item_features_file"


def without_absent_features(defaults: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Return defaults without a feature file that the dataset's folder `home` lacks.

    Decided once, before a run's settings are saved, so that a run from these settings does the same.
    """
    named = defaults[_KEY]
    absent = named is not None and not (home / named).is_file()
    return {**defaults, _KEY: None} if absent else dict(defaults)


def report_absent_features(config: Any, name: str) -> None:
    """Warn if the preset's file was dropped without the user asking for it."""
    named = read_props(f"dataset/{name}.yaml").get(_KEY)
    if named is None or config[_KEY] is not None or _KEY in config.external_config_dict:
        return
    logger.warning(
        "The preset's %s does not exist: item features come from texts (%s) by %s. To require the file, set "
        "item_features_file to it; to silence this warning, set it to ~.",
        *(named, ", ".join(config["text_fields"]), config["text_encoder"]),
    )
