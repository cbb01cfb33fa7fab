"""Downloads, against a server on this machine that can break off, change its file or lie."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recbole_adasid.data.convert import download
from recbole_adasid.data.convert.download import DownloadError, RemoteFile, fetch
from recbole_adasid.io import web
from recbole_adasid.io.atomic import CannotWrite

CONTENT = gzip.compress(b"".join(b"line %d\n" % number for number in range(50_000)), mtime=0)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "reviews.json.gz"


class Server(ThreadingHTTPServer):
    """Serves one file under any path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag = CONTENT, '"1"'
        self.breaks_after: list[int] = []
        """Bytes after which each of the next answers breaks off."""
        self.statuses: list[int] = []
        """What the next requests are answered by, instead of the file."""
        self.location = ""
        self.length = ""
        """What the answers state as their length, if it is not the true one."""
        self.pause = 0.0
        """Seconds before each byte."""
        self.ranges: list[str | None] = []
        """The Range header of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/{NAME}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if self.server.statuses:
            self.send_response(self.server.statuses.pop(0))
            self.send_header("Location", self.server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content, start = self.server.content, 0
        if wanted and self.headers.get("If-Range") == self.server.tag:
            start = int(wanted.partition("=")[2].rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", self.server.tag)
        self.send_header("Content-Length", self.server.length or str(len(content) - start))
        self.end_headers()
        end = start + self.server.breaks_after.pop(0) if self.server.breaks_after else len(content)
        if not self.server.pause:
            self.wfile.write(content[start:end])
            return
        with suppress(OSError):  # the other side may have enough
            for place in range(start, end):
                time.sleep(self.server.pause)
                self.wfile.write(content[place : place + 1])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, folder: Path, sha256: str | None = DIGEST) -> Path:
    return fetch(RemoteFile(server.url, sha256), folder, pause=0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sha256", [DIGEST, DIGEST.upper(), None])
def test_a_file_comes_whole_with_its_checksum_beside_it(server, tmp_path, sha256):
    path = get(server, tmp_path / "raw", sha256)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path / "raw") == [NAME, f"{NAME}.sha256"]
    assert (tmp_path / "raw" / f"{NAME}.sha256").read_text() == f"{DIGEST}  {NAME}\n"


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.breaks_after = [1000, 0, 500]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", "bytes=1000-", "bytes=1500-"]


def test_a_later_call_goes_on_where_the_last_one_gave_up(server, tmp_path):
    server.breaks_after = [100] * 5
    with pytest.raises(DownloadError, match=r"broke \(500 of .* bytes\) with 500 bytes of .* received: run the same"):
        get(server, tmp_path)
    assert not (tmp_path / NAME).exists()
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=500-"
    assert names(tmp_path) == [NAME, f"{NAME}.sha256"]


def test_a_file_that_changed_meanwhile_is_taken_from_its_start(server, tmp_path):
    server.breaks_after = [100] * 5
    with pytest.raises(DownloadError):
        get(server, tmp_path, None)
    server.content, server.tag = gzip.compress(b"new\n" * 9), '"2"'
    assert get(server, tmp_path, None).read_bytes() == server.content


def test_a_part_of_unknown_origin_is_not_trusted(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 100)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None]


@pytest.mark.parametrize("excess", [0, 5])
def test_a_part_that_is_complete_or_too_long(server, tmp_path, excess):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT + b"x" * excess)
    (tmp_path / f"{NAME}.part.origin").write_text(server.tag)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == (2 if excess else 1)


def test_a_wrong_checksum_is_refused_and_leaves_nothing(server, tmp_path):
    with pytest.raises(DownloadError, match=rf"has the SHA-256 {DIGEST}, not {'0' * 64} as .*: it was removed"):
        get(server, tmp_path, "0" * 64)
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-100] + bytes(100), CONTENT[:-9], b"<html>Please log in</html>"])
def test_a_damaged_file_is_refused_without_a_checksum_too(server, tmp_path, content):
    server.content = content
    with pytest.raises(
        DownloadError,
        match=r"not a gzip file, or is truncated or damaged \(.*\): it was removed; run the same command again",
    ):
        get(server, tmp_path, None)
    assert names(tmp_path) == []


def test_what_is_there_is_checked_and_never_overwritten_or_asked_for(server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert get(server, tmp_path, None).read_bytes() == CONTENT
    (tmp_path / NAME).write_bytes(b"mine")
    for sha256, message in ((DIGEST, "has the SHA-256"), (None, "has the SHA-256")):
        (tmp_path / f"{NAME}.sha256").write_text(f"{DIGEST}  {NAME}\n")
        with pytest.raises(DownloadError, match=rf"{message}.*: remove .*{NAME} to download it again"):
            get(server, tmp_path, sha256)
    assert (tmp_path / NAME).read_bytes() == b"mine"
    assert server.ranges == []


def test_a_file_that_the_server_lacks_is_one_sentence(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(DownloadError, match=rf"answered 404 \(Not Found\): put the file into .* by hand as {NAME}"):
        get(server, tmp_path)
    assert server.ranges == [None]


def test_a_server_in_trouble_is_asked_again(server, tmp_path):
    server.statuses = [503, 500]
    assert get(server, tmp_path).read_bytes() == CONTENT
    server.statuses = [503] * 5
    with pytest.raises(DownloadError, match="answered 503"):
        get(server, tmp_path / "other")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x.gz", "data:,x"])
def test_a_redirection_to_another_kind_of_address_is_not_followed(server, tmp_path, location):
    server.statuses, server.location = [302], location
    with pytest.raises(DownloadError):
        get(server, tmp_path)
    assert names(tmp_path) == []


def test_a_redirection_on_the_web_is_followed(server, tmp_path):
    server.statuses, server.location = [302], server.url
    assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["file:///etc/passwd", "reviews.json.gz", "http://127.0.0.1/", "http://127.0.0.1/.."])
def test_only_files_of_the_web_are_downloaded(tmp_path, url):
    with pytest.raises(DownloadError, match="is not a file URL"):
        fetch(RemoteFile(url), tmp_path)


def test_a_machine_without_network_is_told_in_a_sentence(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match=rf"127.0.0.1:{port} cannot be reached \(.*refused.*\): check the conn"):
        fetch(RemoteFile(f"http://127.0.0.1:{port}/{NAME}"), tmp_path, pause=0)
    with pytest.raises(DownloadError, match=r"nowhere.invalid cannot be reached"):
        fetch(RemoteFile(f"http://nowhere.invalid/{NAME}"), tmp_path, pause=0)


def test_a_disk_that_takes_no_file_is_one_sentence(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"cannot write .*: free disk space or choose another folder"):
        get(server, tmp_path / "file")


@pytest.mark.parametrize("length", ["abc", "-5", "1.5", "4, 5"])
def test_a_length_that_is_none_is_a_mistake_of_the_server_and_leaves_nothing(server, tmp_path, length):
    server.length = length
    with pytest.raises(DownloadError, match=rf"declares the invalid length '{length}'.*by hand"):
        get(server, tmp_path)
    assert names(tmp_path) == []


def test_a_server_that_drips_does_not_hold_a_download_for_ever(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", 0.3)
    monkeypatch.setattr(download, "_ATTEMPTS", 2)
    server.pause = 0.05
    started = time.perf_counter()
    with pytest.raises(DownloadError, match=r"broke \(\d+ bytes in 0.3 s\) with"):
        get(server, tmp_path)
    assert time.perf_counter() - started < 20 and not (tmp_path / NAME).exists()
    server.pause = 0
    assert get(server, tmp_path).read_bytes() == CONTENT  # what came so slowly is not lost


def test_a_redirection_from_the_web_to_the_own_network_is_not_followed(server, tmp_path, monkeypatch):
    """The host of the first address counts as one of the web, that of the second as what it is."""
    server.statuses, server.location = [302], server.url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(download, "is_private", lambda host: False)
    monkeypatch.setattr(web, "is_private", lambda host: host == "localhost")
    monkeypatch.setattr(web, "_is_private", lambda number: False)
    with pytest.raises(DownloadError, match="localhost is this machine or in a private network"):
        get(server, tmp_path)
    assert server.ranges == [None] and names(tmp_path) == []
