"""A run's dataset from tables in memory: converted like tables in files, and cached by content."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.frame_table import FrameTable
from recbole_adasid.data.convert.tables import table_interactions, table_items
from recbole_adasid.io.digests import file_digest, fingerprint
from recbole_adasid.io.frames import Frame
from recbole_adasid.io.locks import held
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import read_props
from recbole_adasid.settings.reading import Paths, read_settings_files

CACHE_FOLDER = "frames"
"""Subfolder of the cache: the converted tables."""
DATASET = "frames"
"""Default name of a dataset from tables in memory."""
_FILES = {
    **dict.fromkeys(("data_path", "interactions_table", "items_table", "interactions_files")),
    "download": False,
}
"""Settings that name a dataset's files, and their empty values."""
_READ = ("dataset", "cache_dir", "interactions_columns", "items_columns", "table_time_unit")


@contextmanager
def dataset_of_frames(
    settings: Mapping[str, Any], config_files: Paths, interactions: Any, items: Any
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield settings that name the dataset made from two tables, and a report of the conversion.

    The dataset is in a folder of the cache named after its content or, without a cache, in a temporary one that lasts
    as long as the block.

    Args:
        settings: the run's settings.
        config_files: the run's settings files; tables in memory replace their `data_path` and tables.
        interactions: one interaction per row; None: the settings name the dataset, and the report is empty.
        items: one item per row, or None.

    Raises:
        SettingsError: if there are items alone, the settings name files too, or a column is missing.
        ValueError: if one of them is not a table, or no row has a usable interaction.
        ImportError: if narwhals is not installed.
        CannotWrite: if the disk is full or not writable.
    """
    if interactions is None:
        if items is not None:
            raise SettingsError("items is given without interactions: pass both, or name files in the settings.")
        yield dict(settings), ""
        return
    from_files = read_settings_files(config_files)
    read = _checked(settings, from_files)
    tables = Frame(interactions, "interactions"), None if items is None else Frame(items, "items")
    with _root(read["cache_dir"]) as root:
        report = _kept(root, read, *tables)
        none = {key: value for key, value in _FILES.items() if key in from_files}
        own = {"dataset": read["dataset"], "data_path": str(report.home.parent)}
        yield {**settings, **none, **own}, f"Converted {read['dataset']}\n{report.text()}"


def _checked(settings: Mapping[str, Any], from_files: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the conversion needs."""
    from recbole_adasid.plugin.config.constraints import check_values

    named = [key for key in _FILES if settings.get(key)]
    if named:
        raise SettingsError(
            f"interactions is a table in memory, but the setting {named[0]}={settings[named[0]]!r} names files: leave "
            "one of them out."
        )
    defaults = {**read_props("model/TIGER.yaml"), "dataset": DATASET}
    read = {key: {**defaults, **from_files, **settings}[key] for key in _READ}
    check_values(read, defaults)
    name = read["dataset"]
    if Path(name).name != name or name in ("..", "ml-100k") or not name.isprintable():
        raise SettingsError(
            f"dataset={read['dataset']!r} is a path or RecBole's own dataset, so it cannot name your tables: choose "
            "another name."
        )
    return read


@contextmanager
def _root(cache: str | None) -> Iterator[Path]:
    if cache:
        yield Path(cache) / CACHE_FOLDER
        return
    with tempfile.TemporaryDirectory(prefix="recbole-adasid-") as folder:
        yield Path(folder)


def _kept(root: Path, settings: Mapping[str, Any], interactions: Frame, items: Frame | None) -> Report:
    """Convert the tables into a folder named after the content of the resulting files."""
    with held(root / "frames.lock", f"the conversion into {root}", wait=True):
        making = root / "making"
        shutil.rmtree(making, ignore_errors=True)  # left by a killed process
        report = _converted(making / settings["dataset"], settings, interactions, items)
        files = sorted(report.home.iterdir())
        content = fingerprint({path.suffix: file_digest(path) for path in files})
        home = root / content / settings["dataset"]
        home.mkdir(parents=True, exist_ok=True)
        for path in files:
            os.replace(path, home / path.name)
        shutil.rmtree(making)
    return replace(report, home=home)


def _converted(home: Path, settings: Mapping[str, Any], interactions: Frame, items: Frame | None) -> Report:
    columns, unit = settings["interactions_columns"], settings["table_time_unit"]
    rows = table_interactions(FrameTable(interactions), columns, key="interactions_columns", time_unit=unit)
    if items is None:
        return convert(rows, None, home)
    return convert(rows, table_items(FrameTable(items), settings["items_columns"], key="items_columns"), home)
