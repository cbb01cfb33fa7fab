from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import torch

from pictures import picture
from recbole_adasid.features import image_encoders
from recbole_adasid.features.image_encoders import PixelEncoder, PretrainedImageEncoder, build_image_encoder

pil = pytest.importorskip("PIL.Image")


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
    together = PretrainedImageEncoder(name=model).encode(pictures)
    one_by_one = PretrainedImageEncoder(name=model, batch_size=1).encode(pictures)
    assert together.dtype == np.float32 and together.shape[1] in (12, 16)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), rel=1e-5)
    assert together == pytest.approx(one_by_one, abs=1e-5)
    assert np.abs(together[0] - together[2]).max() > 1e-4


def test_a_broken_image_gives_nan_and_disturbs_no_other(model):
    whole, other = picture(0), picture(255, "JPEG")
    found = PretrainedImageEncoder(name=model).encode([whole, b"no image", other, whole[:40], b""])
    assert np.isnan(found[[1, 3, 4]]).all()
    assert found[[0, 2]] == pytest.approx(PretrainedImageEncoder(name=model).encode([whole, other]), abs=1e-5)
    assert np.isnan(PretrainedImageEncoder(name=model).encode([b"", b"x"])).all()


def test_grey_and_transparent_images_are_read(model):
    found = []
    for mode in ("L", "RGBA", "P"):
        stream = io.BytesIO()
        pil.new(mode, (9, 9)).save(stream, "PNG")
        found.append(stream.getvalue())
    assert np.isfinite(PretrainedImageEncoder(name=model).encode(found)).all()


def test_a_model_that_is_not_there_or_encodes_no_images_is_named(tmp_path):
    transformers = pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="image_encoder_model '.*nowhere' cannot be loaded"):
        PretrainedImageEncoder(name=str(tmp_path / "nowhere")).encode([picture(1)])
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    transformers.ViTModel(transformers.ViTConfig(**size, image_size=16, patch_size=8)).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is a ViTModel: name a CLIP or SigLIP"):
        PretrainedImageEncoder(name=str(tmp_path)).encode([picture(1)])


def test_without_transformers_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ImportError, match=r"recbole-adasid\[images\]"):
        PretrainedImageEncoder(name="some/model").encode([b""])


def test_pixels_tell_colours_and_places_apart_and_nothing_else():
    left, right = pil.new("RGB", (64, 64), (255, 0, 0)), pil.new("RGB", (64, 64), (255, 0, 0))
    left.paste((0, 0, 255), (0, 0, 32, 64))
    right.paste((0, 0, 255), (32, 0, 64, 64))
    files = []
    for one in (left, right, left.resize((640, 320))):
        stream = io.BytesIO()
        one.save(stream, "PNG")
        files.append(stream.getvalue())
    found = PixelEncoder().encode([*files, b"no image", picture(0)])
    assert found.shape == (5, 768) and np.isnan(found[3]).all()
    assert np.linalg.norm(found[[0, 1, 2, 4]], axis=1) == pytest.approx(np.ones(4), rel=1e-5)
    assert found[0] @ found[1] < 0.5 < 0.98 < found[0] @ found[2]


def test_pixels_are_written_down_row_by_row_and_colour_by_colour():
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    pil.fromarray(pixels).save(stream, "PNG")
    expected = [float(pixels[y, x, colour]) - 127.5 for y in range(16) for x in range(16) for colour in range(3)]
    expected = np.array(expected) / sum(value**2 for value in expected) ** 0.5
    assert PixelEncoder().encode([stream.getvalue()])[0] == pytest.approx(expected, abs=1e-6)


def test_the_name_chooses_the_encoder():
    assert isinstance(build_image_encoder("pixels"), PixelEncoder)
    assert isinstance(build_image_encoder("some/model"), PretrainedImageEncoder)


def announced(width: int, height: int) -> bytes:
    """A PNG of one letter a line that announces many: the file is small and the picture is not."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes((width // 8 + 2) * height), 9)),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_small_file_of_a_huge_picture_is_not_decoded(monkeypatch):
    bomb = announced(13_000, 13_000)
    assert len(bomb) < 100_000
    monkeypatch.setattr(pil.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    monkeypatch.setattr(pil.Image, "load", lambda *_: pytest.fail("it was decoded"))
    assert np.isnan(PixelEncoder().encode([bomb])).all()


def test_the_bound_is_on_pixels(monkeypatch):
    monkeypatch.setattr(image_encoders, "MOST_PIXELS", 600)
    found = np.isnan(PixelEncoder().encode([picture(1), picture(1, size=(601, 1)), picture(1, size=(1, 600))]))
    assert found[:, 0].tolist() == [False, True, False]


def test_pictures_that_other_programs_would_read_are_not_read(monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was called"))
    assert np.isnan(PixelEncoder().encode([picture(1, "EPS")])).all()


def test_batches_are_bounded_by_pixels_too(model, monkeypatch):
    pictures = [picture(red) for red in (0, 60, 120, 255)]
    together = PretrainedImageEncoder(name=model).encode(pictures)
    monkeypatch.setattr(image_encoders, "MOST_PIXELS", 1300)
    assert [len(batch) for batch in image_encoders._batches([*pictures, b"x"], 3)] == [2, 3]
    assert PretrainedImageEncoder(name=model).encode(pictures) == pytest.approx(together, abs=1e-5)


def test_too_little_memory_is_not_a_broken_image(monkeypatch):
    def full(self, mode):
        raise MemoryError

    monkeypatch.setattr(pil.Image, "convert", full)
    with pytest.raises(MemoryError):
        PixelEncoder().encode([picture(0)])
