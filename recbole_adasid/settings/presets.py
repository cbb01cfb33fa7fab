"""The folder of defaults: its location, its presets, their settings and their comments."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.reading import parse_mapping

PACKAGE = Path(__file__).resolve().parents[1]
OTHER_KINDS = ("ranking", "tuning")
"""Presets that are not settings of a run: for RecBole's other models, and search spaces."""


def props_folder() -> Path:
    """Return the folder of defaults: inside the installed package, or next to it in a checkout.

    Raises:
        SettingsError: if neither exists.
    """
    for folder in (PACKAGE / "props", PACKAGE.parent / "props"):
        if (folder / "model" / "TIGER.yaml").is_file():
            return folder
    raise SettingsError(
        f"The defaults are missing: neither {PACKAGE / 'props'} nor {PACKAGE.parent / 'props'} has model/TIGER.yaml; "
        "reinstall the package."
    )


def presets(kind: str) -> list[str]:
    """Return the names of the presets of a kind (`tokenizer`, `dataset`), alphabetically."""
    return sorted(path.stem for path in (props_folder() / kind).glob("*.yaml"))


def preset_path(kind: str, name: str) -> Path:
    """Return the file of a preset, such as `ranking`, `din`, to pass to RecBole or to copy and change.

    Raises:
        SettingsError: for a kind or name that does not exist.
    """
    kinds = sorted(path.name for path in props_folder().iterdir() if path.is_dir() and presets(path.name))
    if kind not in kinds:
        raise unknown_name("kind of preset", kind, kinds)
    if name not in presets(kind):
        raise unknown_name(f"preset of {kind}", name, presets(kind))
    return props_folder() / kind / f"{name}.yaml"


def read_props(relative: str) -> dict[str, Any]:
    """Return the settings in the file `relative` of the folder of defaults; empty if there is no such file."""
    path = props_folder() / relative
    return read_defaults(path) if path.is_file() else {}


def read_defaults(path: Path) -> dict[str, Any]:
    """Return the settings in a file of defaults. It is parsed once unless it changes, as a run reads it many times."""
    stamp = path.stat()
    return deepcopy(_parsed(path, stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=256)
def _parsed(path: Path, *_: int) -> dict[str, Any]:
    return parse_mapping(path.read_text(encoding="utf-8"), source=str(path))


def plugin_defaults(external: dict[str, Any], dataset: str, model_name: str = "TIGER") -> dict[str, Any]:
    """Return the defaults for a dataset, given the user's settings: `tokenizer` and `model_size` select presets.

    Later files win: TIGER.yaml, the block of the model size, the file of another model, tokenizers.yaml, the tokenizer,
    the dataset.

    Raises:
        SettingsError: for a tokenizer or model size that does not exist.
    """
    model = read_props("model/TIGER.yaml")
    own = {} if model_name == "TIGER" else read_props(f"model/{model_name}.yaml")
    data = read_props(f"dataset/{dataset}.yaml")
    sizes = model.pop("model_sizes")
    chosen = {**model, **own, **data, **external}
    size, tokenizer = chosen["model_size"], chosen["tokenizer"]
    if size not in list(sizes):
        raise unknown_name("model_size", size, sizes)
    if tokenizer not in presets("tokenizer"):
        raise unknown_name("tokenizer", tokenizer, presets("tokenizer"))
    return {
        **model,
        **sizes[size],
        **own,
        **read_props("tokenizers.yaml"),
        **read_props(f"tokenizer/{tokenizer}.yaml"),
        **data,
    }


_NAMES, _NONE = ("model", "model_size", "tokenizer", "dataset"), object()
"""Settings that name presets, and what no setting is."""


def without_replaced_presets(
    earlier: dict[str, Any], later: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a file's settings without what they only repeat of its presets, where later settings name other presets.

    A run's config.yaml holds all settings. With another tokenizer they have to follow the other one's preset, or they
    would make it the first one again, under the other's name; what the user changed stays.

    Args:
        earlier: the settings of one file: what another file says without naming a preset is the user's choice.
        later: all settings that override them.
        base: RecBole's settings of the file's dataset, which the presets override.
    """
    if not any(key in earlier and key in later and later[key] != earlier[key] for key in _NAMES):
        return earlier
    try:
        presets_of = plugin_defaults(earlier, str(earlier.get("dataset")), str(earlier.get("model", "TIGER")))
    except SettingsError:  # of a name that no longer exists
        return earlier
    followed = {**base, **presets_of}
    return {key: value for key, value in earlier.items() if key in _NAMES or followed.get(key, _NONE) != value}


def settings_files() -> list[Path]:
    """Return the files with run settings in the folder of defaults."""
    return [path for path in sorted(props_folder().rglob("*.yaml")) if path.parent.name not in OTHER_KINDS]


def known_keys(without: Collection[str] = ()) -> set[str]:
    """Return every key that a file in the folder of defaults sets for this package's models and tokenizers.

    Args:
        without: models whose files are ignored.
    """
    keys: set[str] = set()
    for path in settings_files():
        if path.parent.name == "model" and path.stem in without:
            continue
        settings = read_defaults(path)
        for block in settings.pop("model_sizes", {}).values():
            keys.update(block)
        keys.update(settings)
    return keys


def tokenizer_keys() -> set[str]:
    """Return the settings that concern Semantic IDs alone, those of all tokenizers."""
    files = ["tokenizers.yaml", *(f"tokenizer/{name}.yaml" for name in presets("tokenizer"))]
    return {"tokenizer"}.union(*(read_props(file) for file in files))


def documented_lines(relative: str) -> list[str]:
    """Return a file of defaults for display: headings, keys and their comments, without trailing blank lines."""
    text = (props_folder() / relative).read_text(encoding="utf-8")
    return text.rstrip().splitlines()


def headline(relative: str) -> str:
    """Return the first comment line of a file of defaults, which describes the preset."""
    return first_comment(props_folder() / relative)


def first_comment(path: Path) -> str:
    """Return the first comment line of a settings file; empty if there is none."""
    found = re.search(r"^#\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""
