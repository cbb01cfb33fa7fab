"""Item features as configured: from one source, or fused from several."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from recbole_adasid.data.item_table import ITEM_COLUMN
from recbole_adasid.features.behaviour_modality import COOCCURRENCE, behaviour_features, without_behaviour
from recbole_adasid.features.fitted_state import Fitted, stage_key
from recbole_adasid.features.fusion import REDUCING, fuse
from recbole_adasid.features.image_encoders import build_image_encoder
from recbole_adasid.features.images import locate_images
from recbole_adasid.features.item_source import ItemContents, ItemSource
from recbole_adasid.features.item_text import check_column, render_texts, text_columns
from recbole_adasid.features.presence import complete, have_any, refuse_if_none_has_any, with_unusable
from recbole_adasid.features.text_encoders import (
    TfidfSvdEncoder,
    build_encoder,
    can_use_bfloat16,
    describe_encoder,
    describe_encoding,
)
from recbole_adasid.features.vector_store import VectorStore, content_digest
from recbole_adasid.features.vectors import ItemFeatures, load_feature_file, report_degenerate, with_missing
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.io.tensor_file import below
from recbole_adasid.settings.lookup import Settings, over

OF_CONTENTS = ("item_features_file", "text_fields", "text_template", "image_field")
SOURCES = (*OF_CONTENTS, "dataset_features", "behaviour")
"""Settings that name a source of vectors; each modality has exactly one, and the last three are for modalities only."""
MODALITY_KEYS = (
    *SOURCES,
    *("weight", "width"),
    *("text_encoder", "text_encoder_model", "text_bf16", "text_width"),
    *("image_folder", "image_encoder_model", "image_download"),
    *("behaviour_negatives", "behaviour_window", "behaviour_max_user_items"),
)
"""Settings that a modality can override."""


def item_features(
    config: Settings,
    dataset: ItemContents,
    cache: StageCache,
    progress: bool = False,
    *,
    fitted: Fitted | None = None,
    few: bool = False,
    checked: bool = True,
) -> ItemFeatures:
    """Return the features [N, d] of ``modalities``, else of ``item_features_file``, else of the items' texts.

    Args:
        config: any mapping with the keys of ``props/``.
        dataset: provides the items and their contents.
        cache: stores what was computed.
        progress: show progress bars.
        fitted: state from other items' features, to map these into the same space; None fits it on these.
        few: these are items apart from those of training: under ``missing_modality=allow``, all of them may lack a
            modality, but not every one.
        checked: refuse vectors of a file that cannot be used; otherwise such an item's features are NaN.

    Raises:
        NoFeatures: if items lack features that must have some, or under ``missing_modality=allow`` all of them.
        ValueError: if a source is missing or invalid, or an item lacks a modality under ``missing_modality=refuse``.
    """
    modalities = config["modalities"]
    if not modalities:
        return _of_one_source(config, dataset, cache, progress, fitted, checked=checked)
    known = [None if fitted is None else below(str(place), fitted) for place in range(len(modalities))]
    found = [
        _of_modality(modality, config, dataset, cache, progress, own, few, checked)
        for modality, own in zip(modalities, known)
    ]
    if few:
        refuse_if_none_has_any(found, dataset.item_tokens())
    weights = [float(modality.get("weight", 1.0)) for modality in modalities]
    settings = fusion_settings(config)
    source = {"kind": "fusion", **settings, "weights": weights, "modalities": [one.source for one in found]}

    def compute() -> dict[str, np.ndarray]:
        saved = None if fitted is None else below("fusion", fitted)
        values, learnt, widths = fuse(found, weights, **settings, fitted=saved)
        columns = {"columns": np.array(widths)} if side_by_side else {}
        return {"values": values, **columns, **learnt}

    side_by_side = config["fusion"] == "concatenate" and len(found) > 1
    slow = config["fusion"] in REDUCING or "widths" in settings
    kept = cache.arrays("fusion", {**source, **stage_key(fitted)}, compute) if slow else compute()
    values = kept.pop("values") if checked else with_unusable(kept.pop("values"), found)
    blocks = list(zip(kept.pop("columns").tolist(), weights)) if side_by_side else None
    report_degenerate(values, dataset.item_tokens())
    learnt = {f"{place}/{name}": array for place, one in enumerate(found) for name, array in one.fitted.items()}
    learnt |= {f"fusion/{name}": array for name, array in kept.items()}
    return ItemFeatures(
        values=values, source=source, present=complete(found), some=have_any(found), blocks=blocks, fitted=learnt
    )


def fusion_settings(config: Settings) -> dict[str, Any]:
    """Return the fusion's arguments; those without effect are left out, also of the fingerprint."""
    modalities = config["modalities"]
    settings = {"fusion": config["fusion"], "unit_length": config["modality_unit_length"]}
    if config["fusion"] in REDUCING:
        settings["width"] = config["fusion_width"]
    # Co-occurrence is factorised into exactly the requested number of columns.
    widths = [None if modality.get("behaviour") == COOCCURRENCE else modality.get("width") for modality in modalities]
    if any(widths):
        settings["widths"] = widths
    balanced = any(modality.get("width") or modality.get("behaviour") for modality in modalities)
    # Settings of older runs lack this one.
    if "modality_balanced" in config and config["modality_balanced"] is not None:
        balanced = config["modality_balanced"]
    return {**settings, "balanced": True} if balanced else settings


def source_columns(config: Settings) -> list[tuple[str, list[str]]]:
    """Return, for each feature source that reads the `.item` file, the setting that names its columns, and these."""
    found = []
    for source in map(dict, config["modalities"] or [{}]):
        own = source and not source.get("dataset_features")
        settings = over(config, source, dict.fromkeys(SOURCES) if own else {})
        if source.get("image_field"):
            found.append(("image_field", [source["image_field"]]))
        elif not settings["item_features_file"]:
            found.append(text_columns(settings["text_fields"], settings["text_template"]))
    return found


def _of_modality(
    modality: Mapping[str, Any],
    config: Settings,
    dataset: ItemContents,
    cache: StageCache,
    progress: bool,
    fitted: Fitted | None,
    few: bool,
    checked: bool,
) -> ItemFeatures:
    """Return the features from one modality's source; its own settings override the run's."""
    if modality.get("behaviour"):
        if fitted is not None:  # of items unknown in training
            return without_behaviour(len(dataset.item_tokens()), _learnt_width(fitted))
        own = over(config, modality, {"width": None})
        return behaviour_features(own, cast(ItemSource, dataset), cache)
    unset = {} if modality.get("dataset_features") else dict.fromkeys(OF_CONTENTS)
    settings = over(config, modality, unset, {"image_field": None})
    if settings["image_field"]:
        features = _of_images(settings, dataset, cache, progress, fitted)
    else:
        features = _of_one_source(settings, dataset, cache, progress, fitted, all_missing=few, checked=checked)
    if features.present is not None and config["missing_modality"] == "refuse":
        item = dataset.item_tokens()[int(np.flatnonzero(~features.present)[0])]
        raise ValueError(
            f"{int((~features.present).sum())} items lack the modality {dict(modality)}, first '{item}': complete it, "
            "filter the items out, or set missing_modality=allow."
        )
    return features


def _of_one_source(
    config: Settings,
    dataset: ItemContents,
    cache: StageCache,
    progress: bool,
    fitted: Fitted | None,
    *,
    all_missing: bool = False,
    checked: bool = True,
) -> ItemFeatures:
    if config["item_features_file"]:
        path = dataset.dataset_path() / config["item_features_file"]
        allowed = config["missing_modality"] == "allow"
        given = {"allow_missing": allowed, "all_missing": all_missing, "checked": checked}
        mapped = is_set(config, "item_features_mapped")
        mapped_in = (cache.root or Path(tempfile.gettempdir())) if mapped else None
        return load_feature_file(path, dataset.item_tokens(), **given, mapped_in=mapped_in)
    return _of_texts(config, dataset, cache, progress, fitted)


def _of_texts(
    config: Settings, dataset: ItemContents, cache: StageCache, progress: bool, fitted: Fitted | None
) -> ItemFeatures:
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
    compute = partial(_encode, texts, encoder, cache, progress, fitted)
    stored = cache.arrays("features", {**source, **stage_key(fitted)}, compute)
    values = stored.pop("values")
    report_degenerate(values, tokens)
    present = np.array([bool(text) for text in texts])
    return ItemFeatures(values=values, source=source, present=None if present.all() else present, fitted=stored)


def _encode(
    texts: list[str], settings: dict[str, Any], cache: StageCache, progress: bool, fitted: Fitted | None
) -> dict[str, np.ndarray]:
    """Return the vectors [N, d] of the texts, and the fitted state.

    Texts encoded before, even for other items, are taken from the store.
    """
    encoder = build_encoder(**settings)
    if isinstance(encoder, TfidfSvdEncoder):
        if fitted is not None:
            return {"values": encoder.transform(texts, fitted)}
        return {"values": encoder.encode(texts), **encoder.fitted()}
    store = VectorStore(cache.root, {"kind": "text", "encoder": settings["encoder"], **describe_encoder(**settings)})
    vectors = store.vectors(
        [content_digest(text) for text in texts],
        lambda places: encoder.encode([texts[place] for place in places]),
        sizes=[len(text) for text in texts],
        what="texts",
        progress=progress,
    )
    return {"values": vectors}


def _of_images(
    config: Settings, dataset: ItemContents, cache: StageCache, progress: bool, fitted: Fitted | None
) -> ItemFeatures:
    """Return the vectors of the items' images; absent or unreadable images are missing.

    The fitted state is the vector width: further items may all come without an image.
    """
    tokens, table, field = dataset.item_tokens(), _table(dataset, "images"), config["image_field"]
    check_column(table, "image_field", field)
    cell_of = dict(zip(table[ITEM_COLUMN], table[field]))
    folder = dataset.dataset_path() / config["image_folder"]
    cells = [cell_of.get(token, "") for token in tokens]
    fetching = {"download": config["image_download"], "private_hosts": is_set(config, "image_private_hosts")}
    located = locate_images(cells, folder, **fetching, progress=progress)
    there, files = [row for row, file in enumerate(located) if file], [file for file in located if file]
    digests = [content_digest(file.read_bytes()) for file in files]
    if files:
        found = _encode_images(files, digests, config["image_encoder_model"], cache, progress)
    elif fitted:
        found = np.empty((0, _learnt_width(fitted)), dtype=np.float32)
    else:
        raise ValueError(
            f"{folder} holds none of the images of {len(tokens)} items that the column '{field}' names: put them there."
        )
    values = np.full((len(tokens), found.shape[1]), np.nan, dtype=np.float32)
    values[there] = found
    present = ~np.isnan(values[:, 0])
    source = {"kind": "images", "model": config["image_encoder_model"], "sha256": content_digest(*digests)}
    if unreadable := [digest for digest, vector in zip(digests, found) if np.isnan(vector[0])]:
        source["unreadable"] = content_digest(*unreadable)  # with another version of Pillow there may be fewer
    features = with_missing(np.nan_to_num(values), source, present, f"image that can be read in {folder}")
    return replace(features, fitted={"width": np.array(found.shape[1])})


def _learnt_width(fitted: Fitted) -> int:
    width = fitted.get("width")
    if width is None or width.size != 1 or not 0 < int(width.reshape(())) <= _WIDEST:
        raise ValueError("the saved width of a modality is invalid: restore the run's features.safetensors")
    return int(width.reshape(()))


_WIDEST = 65_536


def _encode_images(files: list[Path], digests: list[str], model: str, cache: StageCache, progress: bool) -> np.ndarray:
    encoder = build_image_encoder(model)
    return VectorStore(cache.root, {"kind": "images", "model": model}).vectors(
        digests,
        lambda places: encoder.encode([files[place].read_bytes() for place in places]),
        sizes=[0] * len(files),
        what="images",
        progress=progress,
    )


def is_set(config: Settings, key: str) -> bool:
    """Tell whether a setting, which older runs may lack, is there and set."""
    return key in config and bool(config[key])


def _table(dataset: ItemContents, what: str) -> dict[str, list[str]]:
    table = dataset.item_table()
    if table is None:
        raise ValueError(
            f"the dataset in {dataset.dataset_path()} has no .item file to take {what} from: set item_features_file to "
            "an .npz of item_id and embedding, or add an .item file"
        )
    return table
