"""Item features as the settings ask for them: from one source, or from several that are fused."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recbole_adasid.cache import StageCache
from recbole_adasid.data.encoders import build_encoder, can_use_bfloat16, describe_encoder, describe_encoding
from recbole_adasid.data.features import ItemFeatures, load_feature_file, report_degenerate, with_missing
from recbole_adasid.data.fusion import REDUCING, fuse
from recbole_adasid.data.image_encoders import build_image_encoder
from recbole_adasid.data.images import locate_images
from recbole_adasid.data.text import ITEM_COLUMN, check_column, render_texts
from recbole_adasid.data.vector_store import VectorStore, content_digest

SOURCES = ("item_features_file", "text_fields", "text_template", "image_field")
"""Settings that name where vectors come from; a modality has one of them, and the last is none but a modality's."""
MODALITY_KEYS = (
    *SOURCES,
    *("text_encoder", "text_encoder_model", "text_bf16", "text_width"),
    *("image_folder", "image_encoder_model", "image_download"),
)
"""Settings that a modality may have for itself, beside its `weight`."""


class ItemContents(Protocol):
    """What a dataset has to tell about its items' contents; rows leave out RecBole's padding item."""

    def item_tokens(self) -> list[str]:
        """Return the N external item tokens in row order."""

    def item_table(self) -> dict[str, list[str]] | None:
        """Return the columns of the `.item` file, see :func:`~recbole_adasid.data.text.read_item_table`, or None."""

    def dataset_path(self) -> Path:
        """Return the dataset's folder."""


def item_features(config: Any, dataset: ItemContents, cache: StageCache, progress: bool = False) -> ItemFeatures:
    """Return the features [N, d] of ``modalities``, or else of ``item_features_file``, or else of the items' texts.

    Raises:
        ValueError: if a source is missing or wrong, or an item misses a modality and ``missing_modality`` is refuse.
    """
    if not config["modalities"]:
        return _of_one_source(config, dataset, cache, progress)
    found = [_of_modality(modality, config, dataset, cache, progress) for modality in config["modalities"]]
    weights = [float(modality.get("weight", 1.0)) for modality in config["modalities"]]
    settings = {"fusion": config["fusion"], "unit_length": config["modality_unit_length"]}
    if config["fusion"] in REDUCING:
        settings["width"] = config["fusion_width"]
    source = {"kind": "fusion", **settings, "weights": weights, "modalities": [one.source for one in found]}

    def compute() -> dict[str, np.ndarray]:
        return {"values": fuse(found, weights, **settings)}

    kept = cache.arrays("fusion", source, compute) if config["fusion"] in REDUCING else compute()
    report_degenerate(kept["values"], dataset.item_tokens())
    side_by_side = config["fusion"] == "concatenate" and len(found) > 1
    blocks = [(one.values.shape[1], weight) for one, weight in zip(found, weights)] if side_by_side else None
    return ItemFeatures(values=kept["values"], source=source, blocks=blocks)


def _of_modality(
    modality: Mapping[str, Any], config: Any, dataset: ItemContents, cache: StageCache, progress: bool
) -> ItemFeatures:
    """Return what one modality's source gives; its own settings win over the run's."""
    settings = ChainMap(dict(modality), dict.fromkeys(SOURCES), config)
    find = _of_images if settings["image_field"] else _of_one_source
    features = find(settings, dataset, cache, progress)
    if features.present is not None and config["missing_modality"] == "refuse":
        item = dataset.item_tokens()[int(np.flatnonzero(~features.present)[0])]
        raise ValueError(
            f"{int((~features.present).sum())} items miss the modality {dict(modality)}, first '{item}': complete it, "
            "filter the items out, or set missing_modality=allow."
        )
    return features


def _of_one_source(config: Any, dataset: ItemContents, cache: StageCache, progress: bool) -> ItemFeatures:
    if config["item_features_file"]:
        path = dataset.dataset_path() / config["item_features_file"]
        return load_feature_file(path, dataset.item_tokens(), allow_missing=config["missing_modality"] == "allow")
    return _of_texts(config, dataset, cache, progress)


def _of_texts(config: Any, dataset: ItemContents, cache: StageCache, progress: bool) -> ItemFeatures:
    tokens = dataset.item_tokens()
    texts = render_texts(_table(dataset, "texts"), tokens, config["text_fields"], config["text_template"])
    encoder: dict[str, Any] = {
        "encoder": config["text_encoder"],
        "model_name": config["text_encoder_model"],
        "width": config["text_width"],
        "seed": config["seed"],
        "bf16": config["text_bf16"] and can_use_bfloat16(),
    }
    source = describe_encoding(texts, **encoder)
    stored = cache.arrays("features", source, lambda: {"values": _encode(texts, encoder, cache, progress)})
    report_degenerate(stored["values"], tokens)
    present = np.array([bool(text) for text in texts])
    return ItemFeatures(values=stored["values"], source=source, present=None if present.all() else present)


def _encode(texts: list[str], settings: dict[str, Any], cache: StageCache, progress: bool) -> np.ndarray:
    """Return the vectors [N, d] of the texts; what was encoded before, be it for other items, is taken from there."""
    encoder = build_encoder(**settings)
    if not encoder.separate:
        return encoder.encode(texts)
    store = VectorStore(cache.root, {"kind": "text", "encoder": settings["encoder"], **describe_encoder(**settings)})
    return store.vectors(
        [content_digest(text) for text in texts],
        lambda places: encoder.encode([texts[place] for place in places]),
        sizes=[len(text) for text in texts],
        what="texts",
        progress=progress,
    )


def _of_images(config: Any, dataset: ItemContents, cache: StageCache, progress: bool) -> ItemFeatures:
    """Return the vectors of the items' images; an image that is not there or cannot be read is missing."""
    tokens, table, field = dataset.item_tokens(), _table(dataset, "images"), config["image_field"]
    check_column(table, "image_field", field)
    cell_of = dict(zip(table[ITEM_COLUMN], table[field]))
    folder = dataset.dataset_path() / config["image_folder"]
    cells = [cell_of.get(token, "") for token in tokens]
    located = locate_images(cells, folder, download=config["image_download"], progress=progress)
    there, files = [row for row, file in enumerate(located) if file], [file for file in located if file]
    if not files:
        raise ValueError(
            f"{folder} holds none of the images of {len(tokens)} items that the column '{field}' names: put them there."
        )
    digests = [content_digest(file.read_bytes()) for file in files]
    found = _encode_images(files, digests, config["image_encoder_model"], cache, progress)
    values = np.full((len(tokens), found.shape[1]), np.nan, dtype=np.float32)
    values[there] = found
    present = ~np.isnan(values[:, 0])
    source = {"kind": "images", "model": config["image_encoder_model"], "sha256": content_digest(*digests)}
    return with_missing(np.nan_to_num(values), source, present, f"image that can be read in {folder}")


def _encode_images(files: list[Path], digests: list[str], model: str, cache: StageCache, progress: bool) -> np.ndarray:
    encoder = build_image_encoder(model)
    return VectorStore(cache.root, {"kind": "images", "model": model}).vectors(
        digests,
        lambda places: encoder.encode([files[place].read_bytes() for place in places]),
        sizes=[0] * len(files),
        what="images",
        progress=progress,
    )


def _table(dataset: ItemContents, what: str) -> dict[str, list[str]]:
    table = dataset.item_table()
    if table is None:
        raise ValueError(
            f"the dataset in {dataset.dataset_path()} has no .item file to take {what} from: set item_features_file to "
            "an .npz of item_id and embedding, or add an .item file"
        )
    return table
