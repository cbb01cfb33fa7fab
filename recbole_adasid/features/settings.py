"""Validation rules of item-feature settings. Defaults and comments are in props/."""

from __future__ import annotations

from collections.abc import Mapping

from recbole_adasid.features.fusion import FUSIONS
from recbole_adasid.features.text_encoders import ENCODERS
from recbole_adasid.settings.rules import Rule, list_of, name_of, optional, path, real, switch, text, whole

WIDEST = 2**16
"""A larger width is a typo."""

FEATURES: dict[str, Rule] = {
    "item_features_file": optional(path),
    "item_features_mapped": switch,
    "title_field": text,
    "category_field": text,
    "text_fields": optional(list_of(text, empty=True)),
    "text_template": optional(text),
    "text_bf16": switch,
    "text_encoder": name_of(ENCODERS),
    "text_encoder_model": text,
    "text_width": whole(1, WIDEST),
    "modalities": optional(list_of(Rule("a mapping", lambda value: isinstance(value, Mapping)))),
    "image_field": text,
    "image_folder": path,
    "image_encoder_model": text,
    **dict.fromkeys(("image_download", "image_private_hosts"), switch),
    "fusion": name_of(FUSIONS),
    "fusion_width": optional(whole(1, WIDEST)),
    "modality_unit_length": switch,
    "modality_balanced": optional(switch),
    "behaviour_width": whole(1, WIDEST),
    "behaviour_negatives": whole(1),
    "behaviour_window": optional(whole(1)),
    "behaviour_max_user_items": optional(whole(1)),
    "missing_modality": name_of(["refuse", "allow"]),
}

MODALITY_RULES: dict[str, Rule] = {
    "weight": real(0, above=True),
    "width": whole(1, WIDEST),
    "dataset_features": Rule("true", lambda value: value is True),
    "behaviour": path,
}
"""Rules of settings that only a modality has."""
