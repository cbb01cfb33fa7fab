"""Item images: files of a folder, or downloaded into it, through an image encoder; what is not there is missing.

Letters: N items, d width.
"""

from __future__ import annotations

import io
import logging
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
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


class ImageEncoder:
    """Any CLIP or SigLIP model of transformers, by name or folder."""

    def __init__(self, *, name: str, batch_size: int = 32) -> None:
        """Keep the model's name; it is loaded when `encode` first needs it."""
        self.name, self.batch_size = name, batch_size
        self._model: Any = None

    def encode(self, images: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the vectors [N, d] of image files, of unit length; of one that cannot be read all are NaN.

        Raises:
            ImportError: if transformers or Pillow is not installed.
            ValueError: if there is no such model, or it encodes no images.
        """
        import torch

        self._model = self._model or self._loaded()
        model, processor, device = self._model
        decoded, parts = [_decoded(image) for image in images], []
        blank = _blank()
        with torch.inference_mode():
            for start in range(0, len(decoded), self.batch_size):
                batch = [image or blank for image in decoded[start : start + self.batch_size]]
                pixels = processor(images=batch, return_tensors="pt")["pixel_values"].to(device)
                found = model.get_image_features(pixel_values=pixels)
                found = found if torch.is_tensor(found) else found.pooler_output  # from transformers 5 on
                parts.append(torch.nn.functional.normalize(found.float(), dim=1).cpu().numpy())
        vectors = np.concatenate(parts)
        vectors[[image is None for image in decoded]] = np.nan
        return vectors

    def _loaded(self) -> tuple[Any, Any, Any]:
        import torch

        try:
            import PIL  # noqa: F401
            from transformers import AutoImageProcessor, AutoModel
        except ImportError as error:
            raise ImportError(
                "image_field needs an extra that is not installed: run pip install 'recbole-adasid[images]', or bring "
                "the images' vectors by item_features_file."
            ) from error
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            model, processor = AutoModel.from_pretrained(self.name), AutoImageProcessor.from_pretrained(self.name)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"image_encoder_model {self.name!r} cannot be loaded ({' '.join(str(error).split())}): name a folder "
                "or a model that can be downloaded."
            ) from error
        if not hasattr(model, "get_image_features"):
            raise ValueError(f"image_encoder_model {self.name!r} is a {type(model).__name__}: name a CLIP or SigLIP.")
        return model.to(device).eval(), processor, device


def _decoded(data: bytes) -> Any:
    """Return the image of a file as RGB, or None if it cannot be read."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:  # of a broken file each of Pillow's readers raises its own
        return None


def _blank() -> Any:
    from PIL import Image

    return Image.new("RGB", (32, 32))
