from __future__ import annotations

import http.server
import logging
import os
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pictures import picture
from recbole_adasid.features import images
from recbole_adasid.features.images import locate_images
from recbole_adasid.features.vector_store import content_digest
from recbole_adasid.io import web

pytest.importorskip("PIL.Image")


def test_files_are_found_in_the_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(0))
    found = locate_images(["a.png", "", " ", "b.png", "x" * 5000], tmp_path, download=False)
    assert found == [tmp_path / "a.png", None, None, None, None]


@pytest.fixture
def site(tmp_path):
    """The address of a server of one picture on this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/a.png" else 404)
            self.end_headers()
            self.wfile.write(picture(7))

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_urls_are_fetched_once_and_only_when_asked_to(site, tmp_path, caplog):
    address, asked = site
    cells = [f"{address}/a.png", f"{address}/gone.png", f"{address}/a.png"]
    with caplog.at_level(logging.WARNING):
        assert locate_images(cells, tmp_path, download=False) == [None, None, None]
    assert "2 images are URLs" in caplog.text and "image_download=true" in caplog.text and asked == []
    place = tmp_path / content_digest(cells[0])
    with caplog.at_level(logging.WARNING):
        assert locate_images(cells, tmp_path, download=True, private_hosts=True) == [place, None, place]
    assert f"1 of 2 images could not be fetched, the first: {cells[1]} (HTTP Error 404" in caplog.text
    assert place.read_bytes() == picture(7) and asked == ["/a.png", "/gone.png"]
    assert locate_images(cells[:1], tmp_path, download=False) == [place]


def test_what_is_too_large_or_no_address_is_missing(site, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(images, "_MOST_BYTES", 10)
    cells = [f"{site[0]}/a.png", "http://", "https://\n"]
    with caplog.at_level(logging.WARNING):
        assert locate_images(cells, tmp_path, download=True, private_hosts=True) == [None] * 3
    assert "larger than 10 bytes" in caplog.text and not list(Path(tmp_path).iterdir())


@contextmanager
def answering(write: Callable[[socketserver.StreamRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server on this machine that answers as it likes, and the requests it got."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode().split()[1])
            while self.rfile.readline().strip():
                pass
            with suppress(OSError):  # the other side may have enough
                write(self)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def answer(*lines: str, body: bytes = b"") -> Callable[[socketserver.StreamRequestHandler], None]:
    return lambda handler: handler.wfile.write("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body) and None


def fetched(cells: list[str], folder: Path, caplog: pytest.LogCaptureFixture, *, private: bool = True) -> str:
    """Return what is said of images that cannot be had; nothing may be kept of them."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert locate_images(cells, folder, download=True, private_hosts=private) == [None] * len(cells)
    assert not list(folder.iterdir())
    return caplog.text


@pytest.mark.parametrize("part", ["status line", "headers", "body"])
def test_a_server_that_drips_holds_a_fetch_no_longer_than_the_deadline(part, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(images, "_WHOLE_SECONDS", 0.5)
    before = {"status line": b"", "headers": b"HTTP/1.1 200 OK\r\nX: ", "body": b"HTTP/1.1 200 OK\r\n\r\n"}[part]

    def drip(handler: socketserver.StreamRequestHandler) -> None:
        handler.wfile.write(before)
        for _ in range(600):
            handler.wfile.write(b"H")
            time.sleep(0.1)

    with answering(drip) as (address, asked):
        started = time.perf_counter()
        said = fetched([f"{address}/{number}.png" for number in range(5)], tmp_path, caplog)
        assert time.perf_counter() - started < 20
        assert "5 of 5 images" in said and "0.png (not complete after 0.5 s)" in said
        assert len(asked) == images._MOST_DEADLINES


@pytest.mark.parametrize("length", ["abc", "-5", "1.5", "", "4, 5", "²"])
def test_a_length_that_is_none_is_said_and_nothing_is_kept(length, tmp_path, caplog):
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {length}")
    with answering(answer(*lines, body=picture(1))) as (address, _):
        assert "declares the invalid length" in (said := fetched([f"{address}/a.png"], tmp_path, caplog)), said


@pytest.mark.parametrize("length", [5000, 50_000_001])
def test_a_picture_that_comes_in_part_is_not_kept(length, tmp_path, caplog):
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {length}")
    with answering(answer(*lines, body=picture(1))) as (address, _):
        said = fetched([f"{address}/a.png"], tmp_path, caplog)
        assert ("larger than" if length > 5000 else "the connection ended after") in said


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "500 No"])
def test_an_answer_that_is_no_picture_is_not_kept(status, tmp_path, caplog):
    with answering(answer(f"HTTP/1.1 {status}", body=picture(1))) as (address, _):
        assert status[:3] in fetched([f"{address}/a.png"], tmp_path, caplog)


HERE = ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"]


@pytest.mark.parametrize("host", [*HERE, "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "[fe80::1]"])
def test_hosts_of_this_machine_and_of_private_networks_are_not_asked(host, site, tmp_path, caplog):
    port = site[0].rpartition(":")[2]
    said = fetched([f"http://{host}:{port}/a.png"], tmp_path, caplog, private=False)
    assert "private network" in said and "image_private_hosts=true allows it" in said
    assert site[1] == []


@pytest.mark.parametrize(
    ("address", "private"),
    [
        *(
            (number, True)
            for number in ("127.0.0.1", "::1", "10.1.2.3", "100.64.0.1", "0.0.0.0", "224.0.0.1", "fd00::1")
        ),
        *((number, True) for number in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fe80::1%1")),
        *((number, False) for number in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808")),
    ],
)
def test_addresses_are_told_apart(address, private):
    assert web.is_private(address) is private


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "gopher://127.0.0.1/"])
def test_a_redirect_to_another_kind_of_address_is_not_followed(target, tmp_path, caplog):
    with answering(answer("HTTP/1.1 302 Found", f"Location: {target}", "Content-Length: 0")) as (address, asked):
        said = fetched([f"{address}/a.png"], tmp_path, caplog)
    assert asked == ["/a.png"] and target in said
    assert "is not allowed" in said or "is not http or https" in said  # urllib's words, and ours


def test_a_redirect_from_outside_to_this_machine_is_not_followed(site, tmp_path, caplog, monkeypatch):
    """The host of the first address counts as one of the web, that of the second as what it is."""
    lines = ("HTTP/1.1 302 Found", f"Location: {site[0].replace('127.0.0.1', 'localhost')}/a.png", "Content-Length: 0")
    with answering(answer(*lines)) as (address, asked):
        monkeypatch.setattr(web, "is_private", lambda host: host == "localhost")
        monkeypatch.setattr(web, "_is_private", lambda number: False)
        assert "localhost is this machine" in fetched([f"{address}/a.png"], tmp_path, caplog, private=False)
        assert asked == ["/a.png"] and site[1] == []


def test_a_name_that_changes_its_address_after_the_check_is_not_asked(site, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(web, "is_private", lambda host: False)
    assert "private network" in fetched([f"{site[0]}/a.png"], tmp_path, caplog, private=False)
    assert site[1] == []


def test_images_stay_inside_their_folder(tmp_path, caplog):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "x.png", folder / "a.png", folder / "sub" / "b.png"):
        place.write_bytes(picture(3))
    (folder / "inner.png").symlink_to(folder / "a.png")
    (folder / "outer.png").symlink_to(tmp_path / "x.png")
    (folder / "up").symlink_to(tmp_path)
    outside = ["../x.png", str(tmp_path / "x.png"), "sub/../../x.png", "outer.png", "up/x.png", "up/images/../x.png"]
    with caplog.at_level(logging.WARNING):
        found = locate_images(["a.png", "sub/b.png", "inner.png", "sub/../a.png", *outside], folder, download=False)
    assert [path and os.path.relpath(path, folder) for path in found[:4]] == [
        "a.png",
        "sub/b.png",
        "inner.png",
        "a.png",
    ]
    assert found[4:] == [None] * 6
    assert "6 images lie outside" in caplog.text and "../x.png" in caplog.text


def test_a_link_in_the_place_of_a_url_s_file_is_not_followed(site, tmp_path, caplog):
    (tmp_path / "secret.png").write_bytes(picture(3))
    folder = tmp_path / "images"
    folder.mkdir()
    url = f"{site[0]}/a.png"
    (folder / content_digest(url)).symlink_to(tmp_path / "secret.png")
    assert locate_images([url], folder, download=True, private_hosts=True) == [None]


def test_a_host_that_says_nothing_is_skipped_after_three_fetches(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(images, "_SECONDS", 0.2)
    with answering(lambda handler: time.sleep(2)) as (address, asked):
        said = fetched([f"{address}/{number}.png" for number in range(6)], tmp_path, caplog)
        assert len(asked) == 3 and "6 of 6 images" in said and "0.png (no data for 0.2 s)" in said


def test_a_host_without_a_server_is_skipped_after_three_fetches(tmp_path, caplog, monkeypatch):
    tried, content = [], images._content

    def noted(url, *rest):
        tried.append(url)
        return content(url, *rest)

    monkeypatch.setattr(images, "_content", noted)
    with socketserver.TCPServer(("127.0.0.1", 0), None) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
    said = fetched([f"{address}/{number}.png" for number in range(6)], tmp_path, caplog)
    assert len(tried) == 3 and "6 of 6 images" in said and "refused" in said


def test_a_host_that_answers_now_and_then_is_not_skipped(tmp_path, caplog):
    def every_third(handler):
        if len(asked) % 3 == 0:
            answer("HTTP/1.1 404 Not Found", "Content-Length: 0")(handler)

    with answering(every_third) as (address, asked):
        fetched([f"{address}/{number}.png" for number in range(9)], tmp_path, caplog)
        assert len(asked) == 9


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("rote jacke.jpg", "/rote%20jacke.jpg"),
        ("j\u00e4cke.jpg?gr\u00f6\u00dfe=a b", "/j%C3%A4cke.jpg?gr%C3%B6%C3%9Fe=a%20b"),
        ("a%20b/100%.jpg?c=%C3%A4&d=x y", "/a%20b/100%.jpg?c=%C3%A4&d=x%20y"),
        ("a;b=c,d|e.jpg?", "/a;b=c,d|e.jpg?"),
    ],
)
def test_spaces_and_letters_of_an_address_are_encoded(path, asked, tmp_path):
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {len(picture(1))}")
    with answering(answer(*lines, body=picture(1))) as (address, requests):
        cell = f"{address}/{path}"
        found = locate_images([cell], tmp_path, download=True, private_hosts=True)
    assert requests == [asked] and found == [tmp_path / content_digest(cell)]


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://m\u00fcller.de:8443/a b", "https://xn--mller-kva.de:8443/a%20b"),
        ("https://u\u00e4@[::1]:80/\u20ac", "https://u%C3%A4@[::1]:80/%E2%82%AC"),
        ("https://\uff11\uff12\uff17.0.0.1/", "https://127.0.0.1/"),
        ("http://a/b?", "http://a/b?"),
    ],
)
def test_addresses_are_sent_as_browsers_do(url, sent):
    assert web.as_sent(url) == sent
