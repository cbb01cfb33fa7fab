"""Settings as text: values parsed without surprises, unknown keys and names refused with the nearest valid ones."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Union

import yaml

from recbole_adasid import plain_yaml

Paths = Union[str, "PathLike[str]", Iterable[Union[str, "PathLike[str]"]]]
"""One path or several."""


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


def listed_paths(paths: Paths) -> list[str]:
    """Return paths as a list: of one alone, too, whose letters are no paths."""
    return [str(path) for path in ([paths] if isinstance(paths, (str, PathLike)) else paths)]


def written_paths(text: str) -> list[str]:
    """Return the paths of a command line's text: separated by spaces, those with spaces in them within quotes, or as
    a YAML list; the name of one file that is there is taken whole.
    """
    if os.path.isfile(text):  # unlike Path.is_file, of a text that is too long for a name, too
        return [text]
    listed = parse_value(text) if text.strip().startswith("[") else None
    if isinstance(listed, list) and all(isinstance(path, str) for path in listed):
        return listed
    return [double or single or plain for double, single, plain in _PATH.findall(text)]


_PATH = re.compile(r"""\"([^"]+)\"|'([^']+)'|(\S+)""")


def read_settings_files(paths: Paths) -> dict[str, Any]:
    """Return the settings of some YAML files, or of one, later ones winning.

    Raises:
        SettingsError: if a file does not exist or holds something else.
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
    """Check that a YAML file that RecBole is about to read grows neither in depth nor by its aliases.

    Raises:
        SettingsError: if it does, or is no YAML.
    """
    try:
        plain_yaml.check_bounds(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error


# What other programs call a setting.
_ELSEWHERE = {
    "device": "use_gpu=false trains on the CPU, gpu_id chooses GPUs",
    **dict.fromkeys(("cuda", "gpu", "no_cuda"), "use_gpu=false trains on the CPU, gpu_id chooses GPUs"),
    **dict.fromkeys(("lr", "max_lr"), "the setting is learning_rate"),
    **dict.fromkeys(("batch_size", "bs"), "the settings are train_batch_size and eval_batch_size"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs"), "the setting is epochs"),
    **dict.fromkeys(("patience", "early_stop"), "the setting is stopping_step"),
    **dict.fromkeys(("output_dir", "out", "save_dir", "log_dir"), "the settings are run_folder and run_root"),
    **dict.fromkeys(("config", "config_file_list"), "the option is --config_files"),
    **dict.fromkeys(("max_len", "maxlen", "max_seq_length", "max_seq_len"), "the setting is MAX_ITEM_LIST_LENGTH"),
    **dict.fromkeys(("random_seed", "random_state"), "the setting is seed"),
    **dict.fromkeys(("num_workers", "n_workers"), "the setting is worker"),
    **dict.fromkeys(("data_dir", "data_root", "data_folder"), "the setting is data_path"),
    **dict.fromkeys(("num_beams", "n_beams"), "the setting is beam_size"),
}


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
        if key in names:
            continue
        hint = f": {_ELSEWHERE[key.lower()]}." if key.lower() in _ELSEWHERE else _nearest(key, names)
        raise SettingsError(f"Unknown setting {key!r} in {source}{hint} `--help` lists the settings.")


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
