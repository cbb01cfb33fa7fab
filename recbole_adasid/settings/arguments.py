"""`--key=value` arguments as settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import parse_value, written_paths


def parse_arguments(arguments: Sequence[str], *, as_written: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return settings and settings files from `--key=value` or `--key value` arguments.

    Values are parsed as YAML, except those of `as_written`, of paths and of texts: a folder may be named 2024.

    Raises:
        SettingsError: for anything else, or a key given twice.
    """
    settings: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        key, equals, text = argument[2:].partition("=")
        if not argument.startswith("--") or not key:
            raise SettingsError(f"The argument {argument!r} is not of the form --key=value; see --help.")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise SettingsError(f"The setting {argument} has no value: write {argument}=VALUE.")
            text = rest.pop(0)
        if key in settings:
            raise SettingsError(f"The setting --{key} is given twice: keep one.")
        settings[key] = text if key in as_written or _is_as_written(key, text) else parse_value(text)
    return settings, written_paths(settings.pop("config_files", ""))


PATHS_AND_TEXTS = (
    *("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD", "ITEM_LIST_LENGTH_FIELD", "LIST_SUFFIX"),
    *("run_folder", "run_root", "cache_dir", "data_path", "checkpoint_dir", "dataloaders_save_path"),
    *("dataset_save_path", "interactions_files", "interactions_table", "items_table", "item_features_file"),
    *("pair_file", "sids_file", "warm_start", "image_folder", "image_field"),
    *("image_encoder_model", "text_encoder_model"),
    *("title_field", "category_field", "text_template", "model_size", "valid_metric"),
    *("wandb_project", "mlflow_experiment", "ray_address"),
)
"""Settings whose values are paths or texts, known here without loading the tables of rules."""


def _is_as_written(key: str, text: str) -> bool:
    if key in ("model", "dataset", "tokenizer", "config_files"):
        return True
    if key == "text_template":
        return not _is_null(text)
    # Quotes are YAML's: they were needed for names such as '2024' before.
    return key in PATHS_AND_TEXTS and not _is_null(text) and text[:1] not in "\"'"


def _is_null(text: str) -> bool:
    return text.strip() in ("", "~", "null", "Null", "NULL")
