"""RecBole's Config as plain values, which can be stored without pickle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recbole_adasid.io.one_line import typed_line
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.run_folder.model_file import SavedModel
from recbole_adasid.settings.harmless import OF_THE_MACHINE

PlainValue = Any
"""None, bool, int, float, str, or a list or dict of plain values."""

# Other values are stored as a one-entry dict under one of these marks.
_ENUM, _TUPLE = "__enum__", "__tuple__"


def plain_config(config: Any) -> dict[str, Any]:
    """Return a RecBole Config in plain types, without machine-specific values."""
    settings = {key: value for key, value in config.final_config_dict.items() if key not in OF_THE_MACHINE}
    # A model may be loaded from another working directory.
    settings["data_path"] = os.path.abspath(settings["data_path"])
    return to_plain({"settings": settings, "categories": config.parameters})


def reduce_config(config: Any) -> tuple[Callable[[dict[str, Any]], Any], tuple[dict[str, Any]]]:
    """Reduce a RecBole Config for pickling: to :func:`rebuild_config` and plain values."""
    return rebuild_config, (plain_config(config),)


def rebuild_config(stored: dict[str, Any]) -> Any:
    """Rebuild, for this machine's device, a RecBole Config reduced by :func:`plain_config`.

    The only function that loading another model's checkpoint may call.
    """
    import recbole
    from recbole.config import Config

    values = from_plain(stored)
    config = Config.__new__(Config)
    config.parameters = values["categories"]
    settings = {key: value for key, value in values["settings"].items() if key not in OF_THE_MACHINE}
    config.final_config_dict = settings  # with RecBole's rank settings it would connect to other processes
    config.model, config.dataset = settings["model"], settings["dataset"]
    config.yaml_loader = config._build_yaml_loader()
    config.compatibility_settings()
    if config.dataset == "ml-100k":
        settings["data_path"] = str(Path(recbole.__path__[0]) / "dataset_example" / "ml-100k")
    config._init_device()
    return config


def config_of(saved: SavedModel) -> Any:
    """Return the RecBole Config that a saved TIGER was trained with, for this machine's device.

    Raises:
        DamagedFile: if RecBole cannot build one.
    """
    try:
        config = rebuild_config(saved.about["config"])
    except Exception as error:  # RecBole checks no settings, and these come from a file
        raise DamagedFile(f"{saved.path} has settings that make no RecBole Config ({typed_line(error, 200)})") from None
    config["sid_level_sizes"] = saved.about["sid_level_sizes"]
    config["content_width"] = saved.about.get("content_width")
    return config


def allow_config() -> None:
    """Put :func:`rebuild_config` on torch's list of functions that loading a checkpoint may call."""
    import torch

    torch.serialization.add_safe_globals([rebuild_config, _named_as_before()])


def _named_as_before() -> Callable[[dict[str, Any]], Any]:
    """Return :func:`rebuild_config` under the name that older checkpoints use for it."""

    def rebuild(stored: dict[str, Any]) -> Any:
        return rebuild_config(stored)

    rebuild.__module__ = "recbole_adasid.host.checkpoint"
    rebuild.__name__ = rebuild.__qualname__ = rebuild_config.__name__
    return rebuild


def to_plain(value: Any) -> PlainValue:
    """Return a value in plain types: enum members and tuples become marked dicts, other types their text."""
    from enum import Enum

    if value is None or isinstance(value, (bool, int, float, str)):
        return _bare(value)
    if isinstance(value, dict):
        return {key: to_plain(entry) for key, entry in value.items()}
    if isinstance(value, Enum):
        return {_ENUM: [type(value).__name__, value.name]}
    if isinstance(value, tuple):
        return {_TUPLE: [to_plain(entry) for entry in value]}
    if isinstance(value, (list, set, frozenset)):
        return [to_plain(entry) for entry in value]
    return to_plain(value.item()) if hasattr(value, "item") else str(value)


def from_plain(value: PlainValue) -> Any:
    """Invert :func:`to_plain`.

    Raises:
        ValueError: for an unknown mark.
    """
    if isinstance(value, dict):
        if set(value) == {_ENUM}:
            return _member(value[_ENUM])
        if set(value) == {_TUPLE}:
            return tuple(from_plain(entry) for entry in value[_TUPLE])
        return {key: from_plain(entry) for key, entry in value.items()}
    return [from_plain(entry) for entry in value] if isinstance(value, list) else value


def _member(named: Any) -> Any:
    """Return a member of one of RecBole's enums.

    Raises:
        ValueError: if there is none; the module has other names, too.
    """
    from enum import Enum

    from recbole.utils import enum_type

    kind, name = named if isinstance(named, list) and len(named) == 2 else (None, None)
    found = vars(enum_type).get(kind) if isinstance(kind, str) else None
    if (
        not (isinstance(found, type) and issubclass(found, Enum))
        or not isinstance(name, str)
        or name not in found.__members__
    ):
        raise ValueError(f"{str(named)[:60]} is not a member of a RecBole enum")
    return found[name]


def _bare(value: Any) -> PlainValue:
    """Strip a number of its subclass, such as numpy's float64."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None
