"""Item images: files in a folder or downloaded into it; anything else counts as missing. Letters: N items.

The table that assigns files to items may be untrusted: it can lead neither out of the folder nor, unless the user
allows it, to this machine or private networks.
"""

from __future__ import annotations

import logging
import os
import socket
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from tqdm import tqdm

from recbole_adasid.features.vector_store import content_digest
from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.one_line import one_line
from recbole_adasid.io.web import Deadline, PrivateHost, as_sent, opened, stated_length

logger = logging.getLogger(__name__)

# Timeout without receiving a byte, and for the whole image.
_SECONDS, _WHOLE_SECONDS = 20.0, 60.0
# Larger files are not item images.
_MOST_BYTES = 50_000_000
# After this many fetches that timed out, or this many in a row without a connection, a host is skipped.
_MOST_DEADLINES = 3


def locate_images(
    cells: Sequence[str], folder: Path, *, download: bool, private_hosts: bool = False, progress: bool = False
) -> list[Path | None]:
    """Return the path of each item's image [N], None if there is none; their number is logged.

    Args:
        cells: each item's cell of the item table [N]: a file in the folder, a URL, or empty.
        folder: image folder; a downloaded file is named by its URL's digest. A file outside the folder, by name or by
            link, counts as missing.
        download: fetch URLs that are not in the folder yet.
        private_hosts: allow URLs to this machine and to private networks.
        progress: show a bar while downloading.
    """
    places = _inside([_place(cell, folder) for cell in cells], folder)
    wanted = {
        place: cell for place, cell in zip(places, cells) if place and _is_url(cell) and not os.path.isfile(place)
    }
    if wanted and not download:
        logger.warning("%d images are URLs not yet in %s: image_download=true fetches them", len(wanted), folder)
    elif wanted:
        failed = _fetch_all(wanted, private_hosts, progress)
        if failed:
            logger.warning("%d of %d images could not be fetched, the first: %s", len(failed), len(wanted), failed[0])
    # Path.is_file would raise if a name is too long.
    return [place if place and os.path.isfile(place) else None for place in places]


def _place(cell: str, folder: Path) -> Path | None:
    cell = cell.strip()
    if not cell or "\0" in cell:
        return None
    return folder / (content_digest(cell) if _is_url(cell) else cell)


def _inside(places: Sequence[Path | None], folder: Path) -> list[Path | None]:
    """Return the paths [N] inside the folder, links resolved; the others are counted in the log."""
    root = os.path.realpath(folder)
    real: dict[str, str] = {}  # by folder, of which there are few

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
    """Fetch URLs to their target paths, and return the failures with their reasons."""
    failed, timed_out, unreached = [], Counter[str](), Counter[str]()
    for place, cell in tqdm(wanted.items(), "images", unit="file", disable=not progress):
        url = cell.strip()
        host = _host(url)
        if max(timed_out[host], unreached[host]) >= _MOST_DEADLINES:
            failed.append(f"{url} ({host} did not answer {_MOST_DEADLINES} times and is skipped)")
            continue
        with Deadline(_WHOLE_SECONDS) as deadline:
            error = _fetch(url, place, private_hosts, deadline)
        timed_out[host] += deadline.passed or _is_silence(error)
        unreached[host] = unreached[host] + 1 if _is_unreached(error) else 0
        if error:
            failed.append(f"{url} ({_reason(error, deadline)})")
    return failed


def _fetch(url: str, place: Path, private_hosts: bool, deadline: Deadline) -> Exception | None:
    """Download a URL to a file, and return the error if that fails."""
    try:
        data = _content(url, private_hosts, deadline)
    except Exception as error:  # http, ssl and text decoding each raise their own errors
        return error
    with written_whole(place) as waiting:
        waiting.write_bytes(data)
    return None


def _is_unreached(error: Exception | None) -> bool:
    """Tell whether there was no connection to a server, or none that lasted until its answer."""
    return isinstance(error, OSError) and not isinstance(error, HTTPError)


def _is_silence(error: Exception | None) -> bool:
    cause = error.reason if isinstance(error, URLError) else error
    return isinstance(cause, (TimeoutError, socket.timeout))  # two classes before Python 3.10


def _reason(error: Exception, deadline: Deadline) -> str:
    if isinstance(error, PrivateHost):
        return f"{error}: image_private_hosts=true allows it"
    if deadline.passed:
        return f"not complete after {deadline.seconds:g} s"
    if _is_silence(error):
        return f"no data for {_SECONDS:g} s"
    return one_line(error)


def _content(url: str, private_hosts: bool, deadline: Deadline) -> bytes:
    request = urllib.request.Request(as_sent(url), headers={"User-Agent": "recbole-adasid"})
    with opened(request, timeout=_SECONDS, deadline=deadline, private=private_hosts) as answer:
        length = stated_length(answer)
        data = answer.read(_MOST_BYTES + 1)
    if answer.status != 200:
        raise ValueError(f"the server answered {answer.status}")
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
