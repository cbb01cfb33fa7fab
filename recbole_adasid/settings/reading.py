"""Reading settings: YAML values and files, parsed without surprises."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Union

import yaml

from recbole_adasid.io.one_line import one_line
from recbole_adasid.settings import plain_yaml
from recbole_adasid.settings.errors import SettingsError

Paths = Union[str, "PathLike[str]", Iterable[Union[str, "PathLike[str]"]]]
"""One path or several."""


def parse_value(text: str) -> Any:
    """Parse the text of a command-line value; anything that is not YAML, like `[5,inf)`, is text."""
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
        raise SettingsError(f"{source} is not valid YAML: {one_line(error)}.") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise SettingsError(f"{source} must have lines of the form `key: value`.")
    return settings


def listed_paths(paths: Paths) -> list[str]:
    """Return paths as a list, even for a single path."""
    return [str(path) for path in ([paths] if isinstance(paths, (str, PathLike)) else paths)]


def written_paths(text: str) -> list[str]:
    """Split command-line text into paths: separated by spaces, quoted if they contain spaces, or a
    YAML list; the name of an existing file is taken whole.
    """
    if os.path.isfile(text):  # unlike Path.is_file, also works if the text is too long for a name
        return [text]
    listed = parse_value(text) if text.strip().startswith("[") else None
    if isinstance(listed, list) and all(isinstance(path, str) for path in listed):
        return listed
    return [double or single or plain for double, single, plain in _PATH.findall(text)]


_PATH = re.compile(r"""\"([^"]+)\"|'([^']+)'|(\S+)""")


def read_settings_files(paths: Paths) -> dict[str, Any]:
    """Return the settings of one or more YAML files, later ones winning.

    Raises:
        SettingsError: if a file does not exist or is invalid.
    """
    settings: dict[str, Any] = {}
    for path in map(Path, listed_paths(paths)):
        if not path.is_file():
            raise SettingsError(
                f"There is no settings file {path}: give --config_files existing YAML files, and quote a path with "
                "spaces once more, as in --config_files=\"'my settings.yaml' other.yaml\"."
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SettingsError(f"{path} is not UTF-8 ({error.reason}): save the settings file as UTF-8.") from error
        settings.update(parse_mapping(text, source=str(path)))
    return settings


def check_yaml_file(path: str | Path) -> None:
    """Check that a YAML file for RecBole is neither nested too deeply nor inflated by aliases.

    Raises:
        SettingsError: if it is, or is not YAML.
    """
    try:
        plain_yaml.check_bounds(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {one_line(error)}.") from error
