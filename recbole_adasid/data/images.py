"""Item images: files of a folder, or downloaded into it; what is not there is missing. Letters: N items."""

from __future__ import annotations

import logging
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from recbole_adasid.data.vector_store import content_digest
from recbole_adasid.writing import written_whole

logger = logging.getLogger(__name__)

_SECONDS = 20
# A larger file is no picture of an item.
_MOST_BYTES = 50_000_000


def locate_images(cells: Sequence[str], folder: Path, *, download: bool, progress: bool = False) -> list[Path | None]:
    """Return where each item's image lies [N], None where there is none; the log counts them.

    Args:
        cells: what the items' table says of each [N]: a file in the folder, a URL, or nothing.
        folder: of the images; one of a URL is called by the URL's digest.
        download: fetch URLs that are not in the folder yet.
        progress: show a bar while downloading.
    """
    places = [_place(cell, folder) for cell in cells]
    wanted = {
        place: cell for place, cell in zip(places, cells) if place and _is_url(cell) and not os.path.isfile(place)
    }
    if wanted and not download:
        logger.warning(
            "%d images are URLs that %s does not hold: image_download=true fetches them", len(wanted), folder
        )
    elif wanted:
        waiting = tqdm(wanted.items(), "images", unit="file", disable=not progress)
        failed = [reason for place, url in waiting if (reason := _fetch(url, place))]
        if failed:
            logger.warning("%d of %d images could not be fetched, the first: %s", len(failed), len(wanted), failed[0])
    # Path.is_file would raise where a name is too long.
    return [place if place and os.path.isfile(place) else None for place in places]


def _place(cell: str, folder: Path) -> Path | None:
    cell = cell.strip()
    if not cell:
        return None
    return folder / (content_digest(cell) if _is_url(cell) else cell)


def _is_url(cell: str) -> bool:
    return cell.strip().lower().startswith(("http://", "https://"))


def _fetch(url: str, place: Path) -> str:
    """Write what a URL gives to a file, and return why that failed, or nothing."""
    try:
        with urllib.request.urlopen(url.strip(), timeout=_SECONDS) as response:
            data = response.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES} bytes")
    except Exception as error:  # of a URL that cannot be read, http, ssl and the decoder of its text raise their own
        return f"{url.strip()} ({' '.join(str(error).split()) or type(error).__name__})"
    with written_whole(place) as waiting:
        waiting.write_bytes(data)
    return ""
