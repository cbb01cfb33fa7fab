"""Downloads: resumed after broken connections, verified before they get their final name, never overwriting."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from recbole_adasid.data.convert.lines import byte_bar
from recbole_adasid.data.convert.partial_file import forget, forget_origin, origin, remember_origin, size
from recbole_adasid.io.atomic import writing, written_whole
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.web import Deadline, Refused, is_private, opened, stated_length

_BLOCK = 1 << 18
_TIMEOUT = 60.0
_LEAST_BYTES = 1 << 14
"""Expected from a live connection within the timeout."""
_ATTEMPTS = 5


class DownloadError(ValueError):
    """A file that could not be downloaded; the message says why and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web.

    Attributes:
        url: http or https.
        sha256: of its content, in hexadecimal; None: unknown, so a compressed file is unpacked to check it.
    """

    url: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Return the last part of the URL, the file's name."""
        return urlsplit(self.url).path.rpartition("/")[2]


def fetch(remote: RemoteFile, folder: Path, *, progress: bool = False, pause: float = 1.0) -> Path:
    """Return the file in `folder` with the content of `remote`, downloaded if it is missing.

    The download grows in NAME.part, which a later call resumes if the server's file is unchanged. Once complete and
    verified it is renamed, with its checksum in NAME.sha256 next to it.

    Args:
        remote: what to download.
        folder: created if needed.
        progress: show a bar on a terminal.
        pause: seconds before another attempt after a broken connection; doubled each time.

    Raises:
        DownloadError: if the server lacks the file or cannot be reached, the connection keeps breaking, or the content
            is not as expected.
        CannotWrite: if the disk is full or not writable.
    """
    if urlsplit(remote.url).scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]*\w[\w.-]*", remote.name):
        raise DownloadError(f"{remote.url!r} is not a file URL: pass one that starts with http:// or https://.")
    target = folder / remote.name
    if target.exists():
        _check(target, remote, f"remove {target} to download it again")
        return target
    part = folder / f"{remote.name}.part"
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        _receive_all(remote, part, progress, pause)
        try:
            digest = _check(part, remote, "it was removed; run the same command again")
        except DownloadError:
            forget(part)
            raise
        forget_origin(part)
        with written_whole(folder / f"{remote.name}.sha256") as beside:
            beside.write_text(f"{digest}  {remote.name}\n", encoding="ascii")
        os.replace(part, target)
    return target


def _receive_all(remote: RemoteFile, part: Path, progress: bool, pause: float) -> None:
    """Receive until the file is complete, retrying if the connection breaks."""
    for attempt in range(1, _ATTEMPTS + 1):
        before = size(part)
        try:
            return _receive(remote, part, progress)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == _ATTEMPTS:
                raise DownloadError(
                    f"{remote.url} answered {error.code} ({error.reason}): {_by_hand(remote, part)}."
                ) from None
        except _Broken as error:
            if attempt == _ATTEMPTS:
                raise DownloadError(
                    f"The connection to {_host(remote)} broke ({error}) with {size(part):,} bytes of {remote.name} "
                    "received: run the same command again to resume."
                ) from None
        except urllib.error.URLError as error:
            if size(part) == before == 0 or attempt == _ATTEMPTS:
                raise DownloadError(
                    f"{_host(remote)} cannot be reached ({error.reason}): check the connection, or "
                    f"{_by_hand(remote, part)}."
                ) from None
        time.sleep(pause * 2 ** (attempt - 1))


class _Broken(Exception):
    """The connection closed before the file was complete."""


def _receive(remote: RemoteFile, part: Path, progress: bool) -> None:
    """Receive the rest of `part` in one request.

    Raises:
        _Broken: if the connection closed early; what was received is in `part`.
    """
    start, version = size(part), origin(part)
    if start and not version:  # no way to tell whether the server's file is unchanged
        forget(part)
        start = 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "recbole-adasid"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    with ExitStack() as stack:
        try:
            answer = _asked(stack, urllib.request.Request(remote.url, headers=headers))
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            if error.headers.get("Content-Range") == f"bytes */{start}":  # it was already complete
                return
            forget(part)
            raise _Broken("the partial download was longer than the file and was removed") from None
        except urllib.error.URLError:
            raise  # no connection at all
        except (http.client.HTTPException, OSError) as error:
            raise _Broken(str(error) or type(error).__name__) from None
        except Refused as error:
            raise DownloadError(f"{_host(remote)}: {error}; {_by_hand(remote, part)}.") from None
        start = _place(answer, start)
        remember_origin(part, answer)
        length = stated_length(answer)
        total = None if length is None else start + length
        _append(answer, part, start, total, byte_bar(remote.name, total, progress=progress, initial=start))


def _asked(stack: ExitStack, request: urllib.request.Request) -> Any:
    """Return the response to a request, kept open by the stack, once its headers have arrived."""
    # The user's own URL may be on a private network; redirects may be only if it is.
    private = is_private(urlsplit(request.full_url).hostname or "")
    with Deadline(2 * _TIMEOUT) as deadline:
        return stack.enter_context(opened(request, timeout=_TIMEOUT, deadline=deadline, private=private))


def _append(answer: Any, part: Path, start: int, total: int | None, bar: tqdm) -> None:
    """Append a response to `part` from byte `start`, and check that it is complete."""
    with bar, part.open("r+b" if part.exists() else "w+b") as file:
        file.truncate(start)
        file.seek(start)
        for block in _blocks(answer):
            file.write(block)
            bar.update(len(block))
        received = file.tell()
        file.flush()
        os.fsync(file.fileno())
    if total is not None and received < total:
        raise _Broken(f"{received:,} of {total:,} bytes")


def _blocks(answer: Any) -> Iterator[bytes]:
    """Yield the response in blocks as they arrive.

    Raises:
        _Broken: if the connection breaks, or delivers next to nothing for a minute, which could go on forever.
    """
    since, received = time.monotonic(), 0
    while True:
        try:
            block = answer.read1(_BLOCK)
        except (http.client.HTTPException, OSError) as error:
            raise _Broken(str(error) or type(error).__name__) from None
        if not block:
            return
        yield block
        received += len(block)
        if received >= _LEAST_BYTES:
            since, received = time.monotonic(), 0
        elif time.monotonic() - since > _TIMEOUT:
            raise _Broken(f"{received:,} bytes in {_TIMEOUT:g} s")


def _place(answer: Any, start: int) -> int:
    """Return the byte at which the response starts: `start`, or 0 if the server sends the whole file."""
    if answer.status != 206:
        return 0
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        raise _Broken(f"the server sent another range than requested: {answer.headers.get('Content-Range')}")
    return start


def _check(path: Path, remote: RemoteFile, remedy: str) -> str:
    """Return a file's SHA-256 after checking the content."""
    digest = file_digest(path)
    wanted = remote.sha256 or _recorded(path)
    if wanted and digest != wanted.lower():
        raise DownloadError(f"{path} has the SHA-256 {digest}, not {wanted.lower()} as {remote.url} should: {remedy}.")
    if not wanted and remote.name.endswith(".gz"):
        try:
            with gzip.open(path) as stream:
                while stream.read(_BLOCK):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DownloadError(f"{path} is not a gzip file, or is truncated or damaged ({error}): {remedy}.") from None
    return digest


def _recorded(path: Path) -> str | None:
    """Return the checksum that an earlier download stored next to a file, if any."""
    beside = path.with_name(f"{path.name}.sha256")
    found = (
        re.match(r"[0-9a-f]{64}\b", beside.read_text(encoding="ascii", errors="replace")) if beside.is_file() else None
    )
    return found[0] if found else None


def _host(remote: RemoteFile) -> str:
    return urlsplit(remote.url).netloc


def _by_hand(remote: RemoteFile, part: Path) -> str:
    return f"put the file into {part.parent} by hand as {remote.name} and run the same command again"
