"""The feature file that a dataset's preset names: used where it is, and not insisted on where it is not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.settings.presets import read_props

logger = logging.getLogger(__name__)

_KEY = "item_features_file"


def without_absent_features(defaults: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Return defaults in which no feature file is set that the dataset's folder `home` lacks.

    It is decided once, before the settings of a run are written down, so that a run from these does the same.
    """
    named = defaults[_KEY]
    absent = named is not None and not (home / named).is_file()
    return {**defaults, _KEY: None} if absent else dict(defaults)


def report_absent_features(config: Any, name: str) -> None:
    """Warn where the preset's file was left out without the user's asking."""
    named = read_props(f"dataset/{name}.yaml").get(_KEY)
    if named is None or config[_KEY] is not None or _KEY in config.external_config_dict:
        return
    logger.warning(
        "The preset's %s is not there: items get their features from the texts (%s) by %s. To insist on a file set "
        "item_features_file to it, to do without this warning set it to ~.",
        *(named, ", ".join(config["text_fields"]), config["text_encoder"]),
    )
