"""`--key=value` arguments as settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import parse_value, written_paths


def parse_arguments(arguments: Sequence[str], *, as_written: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return settings and settings files from `--key=value` or `--key value` arguments.

    Values are parsed as YAML, except those of some keys and of `as_written`.

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


def _is_as_written(key: str, text: str) -> bool:
    # A template's colons and braces would be YAML.
    return key in ("model", "dataset", "tokenizer", "config_files") or key == "text_template" and text != "~"
