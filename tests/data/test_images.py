from __future__ import annotations

import http.server
import io
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from recbole_adasid.data import images
from recbole_adasid.data.images import ImageEncoder, locate_images
from recbole_adasid.data.vector_store import content_digest

pil = pytest.importorskip("PIL.Image")


def picture(red: int, form: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    stream = io.BytesIO()
    pil.new("RGB", size, (red, 10, 200)).save(stream, form)
    return stream.getvalue()


@pytest.fixture(scope="module", params=["clip", "siglip"])
def model(request, tmp_path_factory) -> str:
    """The folder of a model too small to mean anything, with random weights."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text, vision = {**small, "vocab_size": 50}, {**small, "image_size": 16, "patch_size": 8}
    folder = str(tmp_path_factory.mktemp(request.param))
    torch.manual_seed(0)
    if request.param == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
        transformers.CLIPModel(config).save_pretrained(folder)
        size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
        transformers.CLIPImageProcessor(**size).save_pretrained(folder)
    else:
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        transformers.SiglipModel(config).save_pretrained(folder)
        transformers.SiglipImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def test_vectors_are_of_unit_length_and_do_not_depend_on_the_batch(model):
    pictures = [picture(red) for red in (0, 120, 255)]
    together = ImageEncoder(name=model).encode(pictures)
    one_by_one = ImageEncoder(name=model, batch_size=1).encode(pictures)
    assert together.dtype == np.float32 and together.shape[1] in (12, 16)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), rel=1e-5)
    assert together == pytest.approx(one_by_one, abs=1e-5)
    assert np.abs(together[0] - together[2]).max() > 1e-4


def test_a_broken_image_gives_nan_and_disturbs_no_other(model):
    whole, other = picture(0), picture(255, "JPEG")
    found = ImageEncoder(name=model).encode([whole, b"no image", other, whole[:40], b""])
    assert np.isnan(found[[1, 3, 4]]).all()
    assert found[[0, 2]] == pytest.approx(ImageEncoder(name=model).encode([whole, other]), abs=1e-5)
    assert np.isnan(ImageEncoder(name=model).encode([b"", b"x"])).all()


def test_grey_and_transparent_images_are_read(model):
    found = []
    for mode in ("L", "RGBA", "P"):
        stream = io.BytesIO()
        pil.new(mode, (9, 9)).save(stream, "PNG")
        found.append(stream.getvalue())
    assert np.isfinite(ImageEncoder(name=model).encode(found)).all()


def test_a_model_that_is_not_there_or_encodes_no_images_is_named(tmp_path):
    transformers = pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="image_encoder_model '.*nowhere' cannot be loaded"):
        ImageEncoder(name=str(tmp_path / "nowhere")).encode([picture(1)])
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    transformers.ViTModel(transformers.ViTConfig(**size, image_size=16, patch_size=8)).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is a ViTModel: name a CLIP or SigLIP"):
        ImageEncoder(name=str(tmp_path)).encode([picture(1)])


def test_without_transformers_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ImportError, match=r"recbole-adasid\[images\]"):
        ImageEncoder(name="some/model").encode([b""])


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
