"""Prepare missing datasets: convert the user's tables, or download and convert."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from recbole_adasid.data.convert.amazon_files import convert_amazon
from recbole_adasid.data.convert.conversion import Report, convert
from recbole_adasid.data.convert.download import RemoteFile, fetch
from recbole_adasid.data.convert.tables import RawTable, table_interactions, table_items
from recbole_adasid.io.locks import held
from recbole_adasid.settings.errors import SettingsError

logger = logging.getLogger(__name__)

RAW_FOLDER = "raw"
"""Subfolder of the dataset's folder: the downloaded files."""


def obtain_dataset(config: Any, name: str, home: Path) -> None:
    """Make a dataset whose interactions are missing: from `interactions_table`, or by `download`, if one is set.

    Raises:
        SettingsError: if `download` is set without an address, or a table lacks a column.
        FileNotFoundError: if there is no such table.
        DownloadError: if a file cannot be downloaded, or is not the expected one.
        ValueError: if the files are damaged, or not Amazon reviews and metadata.
        CannotWrite: if the disk is full.
    """
    inter, tables = home / f"{name}.inter", config["interactions_table"]
    if inter.is_file():
        if tables:
            made = f"{inter.name} and {name}.item" if config["items_table"] else inter.name
            logger.info("%s exists: %s is not read again; to convert again, remove %s", inter, tables, made)
        return
    if not tables and not config["download"]:
        return
    if not tables and not config["reviews_url"]:
        raise SettingsError(
            f"download=true, but the dataset {name!r} has no address: set reviews_url and metadata_url, or put "
            f"{inter.name} into {home.resolve()}."
        )
    with held(home / f"{RAW_FOLDER}.lock", f"the conversion into {home}", wait=True):
        if inter.is_file():  # another process was faster
            return
        report = _from_tables(config, home) if tables else _from_web(config, home)
        logger.info("Converted %s\n%s", name, report.text())


def _from_tables(config: Any, home: Path) -> Report:
    progress = bool(config["show_progress"])
    interactions = table_interactions(
        _raw_table(config, "interactions"),
        config["interactions_columns"],
        key="interactions_columns",
        time_unit=config["table_time_unit"],
        progress=progress,
    )
    items = None
    if config["items_table"]:
        items = table_items(
            _raw_table(config, "items"), config["items_columns"], key="items_columns", progress=progress
        )
    report = convert(interactions, items, home)
    for lines in (rows.lines for rows in (interactions, items) if rows is not None):
        if not lines.flawless:
            logger.warning("%s", lines.summary())
    return report


def _raw_table(config: Any, kind: str) -> RawTable:
    table = RawTable(Path(config[f"{kind}_table"]), config["table_delimiter"], delimiter_key="table_delimiter")
    return table.with_column(config[f"{kind}_columns"].get("item_id", "item_id"))


def _from_web(config: Any, home: Path) -> Report:
    reviews, metadata = (_fetched(config, kind, home / RAW_FOLDER) for kind in ("reviews", "metadata"))
    assert reviews is not None
    return convert_amazon(reviews, metadata, home, progress=bool(config["show_progress"]))


def _fetched(config: Any, kind: str, folder: Path) -> Path | None:
    """Return the reviews or metadata file, or None if there is none."""
    url = config[f"{kind}_url"]
    if not url:
        return None
    logger.info("Downloading %s", url)
    return fetch(RemoteFile(url, config[f"{kind}_sha256"]), folder, progress=bool(config["show_progress"]))
