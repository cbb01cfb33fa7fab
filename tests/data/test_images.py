from __future__ import annotations

import http.server
import io
import logging
import threading
from pathlib import Path

import pytest

from recbole_adasid.data import images
from recbole_adasid.data.images import locate_images
from recbole_adasid.data.vector_store import content_digest

pil = pytest.importorskip("PIL.Image")


def picture(red: int, form: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    stream = io.BytesIO()
    pil.new("RGB", size, (red, 10, 200)).save(stream, form)
    return stream.getvalue()


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
        assert locate_images(cells, tmp_path, download=True) == [place, None, place]
    assert f"1 of 2 images could not be fetched, the first: {cells[1]} (HTTP Error 404" in caplog.text
    assert place.read_bytes() == picture(7) and asked == ["/a.png", "/gone.png"]
    assert locate_images(cells[:1], tmp_path, download=False) == [place]


def test_what_is_too_large_or_no_address_is_missing(site, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(images, "_MOST_BYTES", 10)
    cells = [f"{site[0]}/a.png", "http://", "https://\n"]
    with caplog.at_level(logging.WARNING):
        assert locate_images(cells, tmp_path, download=True) == [None] * 3
    assert "larger than 10 bytes" in caplog.text and not list(Path(tmp_path).iterdir())
