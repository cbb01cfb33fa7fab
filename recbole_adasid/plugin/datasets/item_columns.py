"""Settings that name columns of the `.item` file: defaults adapt to the file, columns named by the user must exist.

The columns are resolved once, where possible before a run's settings are saved, so that a run from these settings
does the same even if the defaults change.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.item_table import missing_column
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import plugin_defaults

logger = logging.getLogger(__name__)

TEXTS, LABELS = "text_fields", ("title_field", "category_field")


def settled_columns(
    settings: Mapping[str, Any], given: Collection[str], defaults: Mapping[str, Any], table: AtomicText
) -> dict[str, Any]:
    """Return the settings to change because defaults name columns that the `.item` file lacks.

    Args:
        settings: the run's settings.
        given: keys that the user set.
        defaults: the run's defaults; a title or category column equal to the default may be missing.
        table: the `.item` file; if it is missing or unreadable, nothing changes and later checks report it.

    Raises:
        SettingsError: if a title or category column named by the user is missing, or texts are needed and all default
            columns are missing.
    """
    columns = _columns(table)
    if columns is None:
        return {}
    items = settings["ITEM_ID_FIELD"]
    others = [name for name in columns if name != items]
    for key in LABELS:
        if key in given and settings[key] not in (*columns, defaults[key]):
            raise SettingsError(missing_column(key, settings[key], others, table.path.name))
    if TEXTS in given or not _takes_texts(settings):
        return {}
    wanted = settings[TEXTS] or []
    there = [name for name in wanted if name in columns]
    if wanted and not there and not settings["sids_file"]:
        raise SettingsError(_none_of(wanted, columns, items, table.path))
    return {} if there == wanted else {TEXTS: there}


def settle_columns(config: Any, dataset: str, table: AtomicText) -> None:
    """Resolve the columns of a config whose dataset has only just been made, and report missing default columns.

    Raises:
        SettingsError: as :func:`settled_columns`.
    """
    # A pickled config no longer knows what the user set.
    given = getattr(config, "external_config_dict", config.final_config_dict)
    defaults = plugin_defaults(given, dataset)
    for key, columns in settled_columns(config, given, defaults, table).items():
        config[key] = columns
    _report_labels(config, table)
    if TEXTS in given or not _takes_texts(config):
        return
    absent = [name for name in defaults[TEXTS] if name not in config[TEXTS]]
    if absent and config[TEXTS]:
        logger.warning(
            "%s has no %s: item features come from %s. Set text_fields to choose the columns.",
            *(table.path.name, " and no ".join(absent), ", ".join(config[TEXTS])),
        )


def _report_labels(settings: Mapping[str, Any], table: AtomicText) -> None:
    columns = _columns(table)
    for key, use in zip(LABELS, ("items are shown by token", "recommendations cannot be filtered by category")):
        if columns is not None and settings[key] not in columns:
            logger.info("%s has no %s: %s, unless %s names a column.", table.path.name, settings[key], use, key)


def _takes_texts(settings: Mapping[str, Any]) -> bool:
    """Tell whether top-level `text_fields`, outside modalities, determine the features."""
    return not any(settings[key] for key in ("modalities", "item_features_file", "text_template"))


def _columns(table: AtomicText) -> dict[str, str] | None:
    """Return the column types by name, or None if the file does not state them."""
    try:
        return table.columns()
    except (OSError, ValueError):
        return None


def _none_of(wanted: list[str], columns: Mapping[str, str], items: str, path: Path) -> str:
    """Return the error for a file without default columns; proposes its text columns, or else all."""
    others = [name for name in columns if name != items]
    proposed = [name for name in others if columns[name].startswith("token")] or others
    remedy = f'set text_fields="[{", ".join(proposed)}]" or those that describe an item' if proposed else ""
    return (
        f"{path} has {', '.join(others) or f'no column but {items}'} and none of the default text columns "
        f"{', '.join(wanted)}: {remedy or 'add one'}, or set item_features_file."
    )
