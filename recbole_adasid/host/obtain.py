"""Datasets that the user asked to download: fetched, converted, and from then on like any other."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from recbole_adasid.data.raw.amazon_files import convert_amazon
from recbole_adasid.data.raw.download import RemoteFile, fetch
from recbole_adasid.host.settings import SettingsError
from recbole_adasid.locks import held

logger = logging.getLogger(__name__)

RAW_FOLDER = "raw"
"""Within the dataset's folder: the files as they were downloaded."""


def obtain_dataset(config: Any, name: str, home: Path) -> None:
    """Download and convert a dataset into its folder, if `download` is set and its interactions are not there.

    Raises:
        SettingsError: if no setting says where from.
        DownloadError: if a file cannot be had, or is not what it should be.
        ValueError: if the files are no Amazon reviews and metadata.
        CannotWrite: if the disk takes no more.
    """
    inter = home / f"{name}.inter"
    if not config["download"] or inter.is_file():
        return
    if not config["reviews_url"]:
        raise SettingsError(
            f"download=true, but nothing says where the dataset {name!r} is: set reviews_url and metadata_url, or put "
            f"{inter.name} into {home.resolve()}."
        )
    with held(home / f"{RAW_FOLDER}.lock", f"the download into {home}", wait=True):
        if inter.is_file():  # another process was faster
            return
        reviews, metadata = (_fetched(config, kind, home / RAW_FOLDER) for kind in ("reviews", "metadata"))
        assert reviews is not None
        report = convert_amazon(reviews, metadata, home, progress=bool(config["show_progress"]))
        logger.info("Converted %s\n%s", name, report.text())


def _fetched(config: Any, kind: str, folder: Path) -> Path | None:
    """Return the file of reviews or of metadata, or None where there is none."""
    url = config[f"{kind}_url"]
    if not url:
        return None
    logger.info("Downloading %s", url)
    return fetch(RemoteFile(url, config[f"{kind}_sha256"]), folder, progress=bool(config["show_progress"]))
