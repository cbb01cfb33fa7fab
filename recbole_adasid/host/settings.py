"""Settings as text: values parsed without surprises, unknown keys and names refused with the nearest valid ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from recbole_adasid import plain_yaml


class SettingsError(ValueError):
    """A setting or a file that the user can put right; the message says how."""


def parse_value(text: str) -> Any:
    """Return the value that a command line's text stands for; what is no YAML, like `[5,inf)`, is text."""
    try:
        return plain_yaml.load(text)
    except yaml.YAMLError:
        return text


def parse_mapping(text: str, *, source: str) -> dict[str, Any]:
    """Return the settings of a YAML document.

    Raises:
        SettingsError: if it is not YAML or not a mapping of names to values.
    """
    try:
        settings = plain_yaml.load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{source} is not valid YAML: {' '.join(str(error).split())}.") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise SettingsError(f"{source} has to hold lines of the form `key: value`.")
    return settings


def read_settings_files(paths: Iterable[str | Path]) -> dict[str, Any]:
    """Return the settings of some YAML files, later ones winning.

    Raises:
        SettingsError: if a file does not exist or holds something else.
    """
    settings: dict[str, Any] = {}
    for path in map(Path, paths):
        if not path.is_file():
            raise SettingsError(f"There is no settings file {path}: give --config_files existing YAML files.")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SettingsError(f"{path} is not UTF-8 ({error.reason}): save the settings file as UTF-8.") from error
        settings.update(parse_mapping(text, source=str(path)))
    return settings


def check_yaml_file(path: str | Path) -> None:
    """Check that a YAML file that RecBole is about to read grows neither in depth nor by its aliases.

    Raises:
        SettingsError: if it does, or is no YAML.
    """
    try:
        plain_yaml.check_bounds(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error


def unknown_name(what: str, value: object, valid: Iterable[str]) -> SettingsError:
    """Return the error for a name that is not among the valid ones; it shows the nearest, then all of them."""
    names = sorted(valid)
    return SettingsError(f"Unknown {what} {value!r}{_nearest(value, names)} Valid are: {', '.join(names)}.")


def refuse_unknown_keys(keys: Iterable[str], known: Iterable[str], *, source: str) -> None:
    """Check that every key is known.

    Raises:
        SettingsError: for the first unknown key, with the nearest known ones.
    """
    names = sorted(known)
    for key in keys:
        if key not in names:
            raise SettingsError(
                f"Unknown setting {key!r} in {source}{_nearest(key, names)} `--help` lists the settings."
            )


def check_types(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Check that switches are switches, numbers are numbers and text is text, by the type of their defaults.

    Raises:
        SettingsError: for a value of another kind, naming the default.
    """
    for key, value in given.items():
        default = defaults.get(key)
        if isinstance(default, bool):
            fits, wanted = isinstance(value, bool), "true or false"
        elif isinstance(default, int):
            fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        elif isinstance(default, float):
            fits, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
        elif isinstance(default, str):
            fits, wanted = isinstance(value, str), "text"
        else:
            continue
        if not fits:
            raise SettingsError(f"The setting {key}={value!r} has to be {wanted} (default: {default}).")


def _nearest(value: object, names: list[str]) -> str:
    same = [name for name in names if name.lower() == str(value).lower()]  # but for upper and lower case
    near = same or difflib.get_close_matches(str(value), names, n=3, cutoff=0.5)
    return f": did you mean {' or '.join(near)}?" if near else "."
