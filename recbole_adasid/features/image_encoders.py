"""Image encoders: image files in, one vector per file out; all NaN for a file that cannot be read.

Letters: N items, d width.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.extras import imports_for
from recbole_adasid.settings.harmless import loading_pretrained

PIXELS = "pixels"
"""The name of the encoder without a model: the pixels themselves."""
_SIDE = 16
MOST_PIXELS = 2**26
"""Larger images are not decoded: half a megabyte of PNG can expand to gigabytes."""
# Pillow delegates these to Ghostscript, Windows or an externally registered reader.
_BY_OTHER_PROGRAMS = ("EPS", "WMF", "BUFR", "GRIB", "HDF5")


def build_image_encoder(name: str) -> PixelEncoder | PretrainedImageEncoder:
    """Return the encoder of ``image_encoder_model``: `pixels`, or a transformers model by name or folder."""
    return PixelEncoder() if name == PIXELS else PretrainedImageEncoder(name=name)


class PixelEncoder:
    """The image shrunk to 16 × 16 pixels: d = 768 differences from mid-grey, normalised to unit length.

    It captures only colours and rough shapes, but needs no model and no download.
    """

    def encode(self, images: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the vectors [N, 768].

        Raises:
            ImportError: if Pillow is not installed.
        """
        _require_extra("PIL")
        vectors = np.full((len(images), 3 * _SIDE * _SIDE), np.nan, dtype=np.float32)
        for row, data in enumerate(images):
            if picture := _decoded(data):
                pixels = np.asarray(picture.resize((_SIDE, _SIDE)), dtype=np.float32).reshape(-1) - 127.5
                vectors[row] = pixels / np.linalg.norm(pixels)  # never 0: no pixel is exactly 127.5
        return vectors


class PretrainedImageEncoder:
    """Any CLIP or SigLIP model from transformers, by name or folder."""

    def __init__(self, *, name: str, batch_size: int = 32) -> None:
        """Store the model's name; the model is loaded on first use."""
        self.name, self.batch_size = name, batch_size
        self._model: Any = None

    def encode(self, images: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the vectors [N, d] of image files, of unit length; all NaN for an unreadable file.

        Raises:
            ImportError: if transformers or Pillow is not installed.
            ValueError: if there is no such model, or it does not encode images.
        """
        import torch

        self._model = self._model or self._loaded()
        model, processor, device = self._model
        readable, parts = [], []
        blank = _blank()
        with torch.inference_mode():
            for decoded in _batches(images, self.batch_size):
                readable += [image is not None for image in decoded]
                batch = [image or blank for image in decoded]
                pixels = processor(images=batch, return_tensors="pt")["pixel_values"].to(device)
                found = model.get_image_features(pixel_values=pixels)
                found = found if torch.is_tensor(found) else found.pooler_output  # from transformers 5 on
                parts.append(torch.nn.functional.normalize(found.float(), dim=1).cpu().numpy())
        vectors = np.concatenate(parts)
        vectors[~np.array(readable)] = np.nan
        return vectors

    def _loaded(self) -> tuple[Any, Any, Any]:
        import torch

        _require_extra("PIL", "transformers")
        from transformers import AutoImageProcessor, AutoModel

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        remedy = f"name a folder or a downloadable model, or {PIXELS}, which needs none"
        with loading_pretrained(self.name, "image_encoder_model", remedy) as options:
            model = AutoModel.from_pretrained(self.name, **options)
            processor = AutoImageProcessor.from_pretrained(self.name, **options)
        if not hasattr(model, "get_image_features"):
            raise ValueError(
                f"image_encoder_model {self.name!r} is a {type(model).__name__}: name a CLIP or SigLIP one."
            )
        return model.to(device).eval(), processor, device


def _batches(images: Sequence[bytes], most: int) -> Iterator[list[Any]]:
    """Yield decoded images, None for unreadable ones, in batches of at most ``most`` files or `MOST_PIXELS`."""
    batch: list[Any] = []
    pixels = 0
    for data in images:
        picture = _decoded(data)
        size = picture.width * picture.height if picture else 0
        if batch and (len(batch) == most or pixels + size > MOST_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(picture)
        pixels += size
    if batch:
        yield batch


def _decoded(data: bytes) -> Any:
    """Return the image of a file as RGB, or None if it is unreadable or larger than `MOST_PIXELS`."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            return picture.convert("RGB")
    except MemoryError:  # says nothing about the file
        raise
    except Exception:  # each of Pillow's readers raises its own errors for broken files
        return None


@cache
def _formats() -> list[str]:
    """Return the formats that Pillow reads without external programs."""
    from PIL import Image

    Image.init()
    return [name for name in Image.OPEN if name not in _BY_OTHER_PROGRAMS]


def _blank() -> Any:
    from PIL import Image

    return Image.new("RGB", (32, 32))


def _require_extra(*packages: str) -> None:
    with imports_for("image_field", "images", "provide the images' vectors with item_features_file"):
        for package in packages:
            importlib.import_module(package)
