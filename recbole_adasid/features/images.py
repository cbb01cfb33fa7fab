"""Item images: files of a folder, or downloaded into it; what is not there is missing. Letters: N items.

Which file an item has is written in a table, which may come from anywhere: it leads neither out of the folder nor,
unless the user allows it, to hosts of this machine and of private networks.
"""

from __future__ import annotations

import logging
import os
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from recbole_adasid.features.vector_store import content_digest
from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.web import Deadline, PrivateHost, opened, stated_length

logger = logging.getLogger(__name__)

# Without a byte, and for the whole of a picture.
_SECONDS, _WHOLE_SECONDS = 20.0, 60.0
# A larger file is no picture of an item.
_MOST_BYTES = 50_000_000
# A host that held so many fetches until their deadline is not asked again.
_MOST_DEADLINES = 3


def locate_images(
    cells: Sequence[str], folder: Path, *, download: bool, private_hosts: bool = False, progress: bool = False
) -> list[Path | None]:
    """Return where each item's image lies [N], None where there is none; the log counts them.

    Args:
        cells: what the items' table says of each [N]: a file in the folder, a URL, or nothing.
        folder: of the images; one of a URL is called by the URL's digest. A file that lies outside, be it by its name
            or by a link, counts as missing.
        download: fetch URLs that are not in the folder yet.
        private_hosts: let URLs lead to this machine and to private networks.
        progress: show a bar while downloading.
    """
    places = _inside([_place(cell, folder) for cell in cells], folder)
    wanted = {
        place: cell for place, cell in zip(places, cells) if place and _is_url(cell) and not os.path.isfile(place)
    }
    if wanted and not download:
        logger.warning(
            "%d images are URLs that %s does not hold: image_download=true fetches them", len(wanted), folder
        )
    elif wanted:
        failed = _fetch_all(wanted, private_hosts, progress)
        if failed:
            logger.warning("%d of %d images could not be fetched, the first: %s", len(failed), len(wanted), failed[0])
    # Path.is_file would raise where a name is too long.
    return [place if place and os.path.isfile(place) else None for place in places]


def _place(cell: str, folder: Path) -> Path | None:
    cell = cell.strip()
    if not cell or "\0" in cell:
        return None
    return folder / (content_digest(cell) if _is_url(cell) else cell)


def _inside(places: Sequence[Path | None], folder: Path) -> list[Path | None]:
    """Return the places [N] that lie in the folder, links resolved; the log counts the others."""
    root = os.path.realpath(folder)
    real: dict[str, str] = {}  # folders, of which there are few

    def lies_inside(place: Path) -> bool:
        above = os.path.dirname(place)
        if above not in real:
            real[above] = os.path.realpath(above)
        found = os.path.join(real[above], place.name)
        if place.name == ".." or os.path.islink(found):
            found = os.path.realpath(found)
        return found.startswith(os.path.join(root, ""))

    kept = [place if place is None or lies_inside(place) else None for place in places]
    outside = [place for place, left in zip(places, kept) if place and not left]
    if outside:
        logger.warning(
            "%d images lie outside %s, the first: %s. They count as missing: put them into image_folder",
            *(len(outside), folder, outside[0]),
        )
    return kept


def _is_url(cell: str) -> bool:
    return cell.strip().lower().startswith(("http://", "https://"))


def _fetch_all(wanted: dict[Path, str], private_hosts: bool, progress: bool) -> list[str]:
    """Fetch URLs into the places they are given by, and return why those failed that did."""
    failed, held_up = [], Counter[str]()
    for place, cell in tqdm(wanted.items(), "images", unit="file", disable=not progress):
        url = cell.strip()
        host = _host(url)
        if held_up[host] >= _MOST_DEADLINES:
            failed.append(f"{url} ({host} held {_MOST_DEADLINES} fetches for {_WHOLE_SECONDS:g} s, and is left alone)")
            continue
        with Deadline(_WHOLE_SECONDS) as deadline:
            reason = _fetch(url, place, private_hosts, deadline)
        held_up[host] += deadline.passed
        if reason:
            failed.append(f"{url} ({reason})")
    return failed


def _fetch(url: str, place: Path, private_hosts: bool, deadline: Deadline) -> str:
    """Write what a URL gives to a file, and return why that failed, or nothing."""
    try:
        data = _content(url, private_hosts, deadline)
    except PrivateHost as error:
        return f"{error}: image_private_hosts=true allows it"
    except Exception as error:  # of a URL that cannot be read, http, ssl and the decoder of its text raise their own
        if deadline.passed:
            return f"it was not there after {deadline.seconds:g} s"
        return " ".join(str(error).split()) or type(error).__name__
    with written_whole(place) as waiting:
        waiting.write_bytes(data)
    return ""


def _content(url: str, private_hosts: bool, deadline: Deadline) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "recbole-adasid"})
    with opened(request, timeout=_SECONDS, deadline=deadline, private=private_hosts) as answer:
        length = stated_length(answer)
        data = answer.read(_MOST_BYTES + 1)
    if answer.status != 200:
        raise ValueError(f"the server answers {answer.status}")
    if max(len(data), length or 0) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES} bytes")
    if deadline.passed or length is not None and len(data) != length:
        raise ValueError(f"the connection ended after {len(data):,} of {length or 0:,} bytes")
    return data


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
