"""Settings that name columns of the `.item` file: defaults go by those that are there, a user's choice has to be there.

The columns are settled once, where possible before the settings of a run are written down, so that a run from these
does the same whatever the defaults are by then.
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
    """Return the settings that change where defaults name columns that the `.item` file lacks.

    Args:
        settings: of the run.
        given: keys that the user set.
        defaults: of the run; a title or category column that is also the default need not be there.
        table: the `.item` file; nothing changes where it is not there or cannot be read, which others refuse.

    Raises:
        SettingsError: if the user names a title or category column that is not there, or texts are needed and none of
            the default columns is there.
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
    """Settle the columns of a config whose dataset was not there before, and say which the defaults do without.

    Raises:
        SettingsError: as :func:`settled_columns`.
    """
    # One that was pickled does not tell any more what the user set.
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
            "%s has no %s: items get their features from %s. To choose the columns set text_fields.",
            *(table.path.name, " and no ".join(absent), ", ".join(config[TEXTS])),
        )


def _report_labels(settings: Mapping[str, Any], table: AtomicText) -> None:
    columns = _columns(table)
    for key, use in zip(LABELS, ("items are shown by their tokens", "recommendations cannot be filtered by category")):
        if columns is not None and settings[key] not in columns:
            logger.info("%s has no %s: %s, unless %s names a column.", table.path.name, settings[key], use, key)


def _takes_texts(settings: Mapping[str, Any]) -> bool:
    """Tell whether `text_fields` outside of modalities says what features are made of."""
    return not any(settings[key] for key in ("modalities", "item_features_file", "text_template"))


def _columns(table: AtomicText) -> dict[str, str] | None:
    """Return the types of the columns by name, None where the file does not tell."""
    try:
        return table.columns()
    except (OSError, ValueError):
        return None


def _none_of(wanted: list[str], columns: Mapping[str, str], items: str, path: Path) -> str:
    """Return what to say where no default column is there; columns of text are proposed, or else all."""
    others = [name for name in columns if name != items]
    proposed = [name for name in others if columns[name].startswith("token")] or others
    remedy = f'set text_fields="[{", ".join(proposed)}]" or those of them that describe an item' if proposed else ""
    return (
        f"{path} has {', '.join(others) or f'no column but {items}'} and none of the default text columns "
        f"{', '.join(wanted)}: {remedy or 'add one'}, or set item_features_file."
    )
