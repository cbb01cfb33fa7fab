"""The kind of a run's item features: with the same fitted state, features of one kind lie in one space."""

from __future__ import annotations

from typing import Any

from recbole_adasid.features.behaviour_modality import COOCCURRENCE
from recbole_adasid.features.item_features import OF_CONTENTS, fusion_settings, is_set
from recbole_adasid.settings.lookup import Settings, over
from recbole_adasid.settings.shareable import without_places

_TFIDF = "tfidf"


def feature_kind(config: Settings) -> dict[str, Any]:
    """Return what the features of ``config`` are made from and how, as plain values fit for publishing.

    What the fitted state decides instead of the settings (widths of texts, seeds), and the names of files, which may
    change from month to month, are left out.

    Raises:
        KeyError: if the settings, of another version, lack one that is needed.
    """
    if not config["modalities"]:
        return _published(_source(config))
    sources = []
    for modality in config["modalities"]:
        unset = {} if modality.get("dataset_features") else dict.fromkeys(OF_CONTENTS)
        own = over(config, modality, unset, dict.fromkeys(("image_field", "behaviour")))
        sources.append({**_source(own), "weight": float(modality.get("weight", 1.0))})
    return _published({"modalities": sources, **fusion_settings(config)})


def different_settings(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Return the names of what differs between two kinds of features, in order."""
    return sorted(key for key in {*here, *there} if here.get(key) != there.get(key))


def _source(config: Settings) -> dict[str, Any]:
    if is_set(config, "behaviour"):
        return {"behaviour": COOCCURRENCE if config["behaviour"] == COOCCURRENCE else "a file"}
    if is_set(config, "image_field"):
        return {"image_field": config["image_field"], "image_encoder_model": config["image_encoder_model"]}
    if config["item_features_file"]:
        return {"item_features_file": "a file"}
    encoder, template = config["text_encoder"], config["text_template"]
    texts = {"text_fields": list(config["text_fields"] or [])} if template is None else {"text_template": template}
    model = {} if encoder == _TFIDF else {"text_encoder_model": config["text_encoder_model"]}
    return {**texts, "text_encoder": encoder, **model}


def _published(kind: dict[str, Any]) -> dict[str, Any]:
    found = without_places(kind)
    assert isinstance(found, dict)
    return found
