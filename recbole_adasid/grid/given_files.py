"""What a grid's cells are given besides their options: the content of data and settings files, which may change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from recbole_adasid.io.digests import file_digest, fingerprint
from recbole_adasid.settings.reading import parse_value, read_settings_files, written_paths

_KINDS = (".inter", ".item", ".user", ".npy", ".npz", ".parquet", ".csv", ".tsv", ".jsonl", ".safetensors")
"""Endings of data; what is downloaded or cached beside it is made of it."""


def content_digest(dataset: str, data_path: str | None, options: Sequence[str]) -> str:
    """Return a digest of a dataset's own files and of the settings files among `--key=value` options.

    The digest is of the contents alone: a copy of the folder on another machine has the same. It is empty if there is
    nothing to read, as before a download.

    Args:
        dataset: its name; its files are the interactions, items and features in its folder.
        data_path: folder of the datasets; None: the default, whose ml-100k comes with RecBole.
        options: of the cells.
    """
    folder = Path(data_path or "dataset", dataset)
    files = {path.name: _digest(path) for path in sorted(folder.glob("*")) if path.suffix in _KINDS}
    settings = [_digest(path) for path in settings_files(options)]
    return fingerprint({"data": files, "settings": settings}) if files or settings else ""


def _digest(path: Path) -> str:
    """Return a file's digest, read once as long as its size and time stay the same: every cell asks."""
    found = path.stat()
    return _read_once(path.resolve(), found.st_size, found.st_mtime_ns)


@cache
def _read_once(path: Path, size: int, changed: int) -> str:
    return file_digest(path)


def given_model(options: Sequence[str]) -> str | None:
    """Return the recommender that common options or their settings files name; None if they name none."""
    for option in options:
        if option.startswith("--model="):
            return option.partition("=")[2]
    model = read_settings_files(settings_files(options)).get("model")
    return None if model is None else str(model)


def holds_out_items(options: Sequence[str]) -> bool:
    """Tell whether options or their settings files hold items out of training, which the seed then draws."""
    return bool(given_value("cold_item_share", options))


def samples_candidates(options: Sequence[str]) -> bool:
    """Tell whether options or their settings files rank among sampled items, which the seed draws."""
    evaluation = given_value("eval_args", options)
    mode = evaluation.get("mode") if isinstance(evaluation, dict) else None
    return any(one not in (None, "full") for one in (mode.values() if isinstance(mode, dict) else [mode]))


def given_value(key: str, options: Sequence[str]) -> Any:
    """Return the value that options, or else their settings files, give a setting; None if they do not."""
    values = [option.partition("=")[2] for option in options if option.startswith(f"--{key}=")]
    return parse_value(values[-1]) if values else read_settings_files(settings_files(options)).get(key)


def settings_files(options: Sequence[str]) -> list[Path]:
    """Return the settings files that `--key=value` options name."""
    found = [option.partition("=")[2] for option in options if option.startswith("--config_files=")]
    return [Path(name) for text in found for name in written_paths(text)]
