"""Allowed values of TIGER's and LIGER's settings. Defaults and comments are in props/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.model.catalogue import COLLISIONS
from recbole_adasid.model.liger import HYBRID_SCORES, RETRIEVALS
from recbole_adasid.model.network.settings import NETWORK_SETTINGS
from recbole_adasid.settings.rules import Rule, name_of, optional, path, real, switch, whole

_LARGE = 1e6  # float32 can no longer tell what is beside a larger weight
CONTENT: dict[str, Rule] = {
    "content_columns": optional(whole(1)).as_argument("columns"),
    "id_embedding": switch,
    "id_dropout": real(0, 1),
}
HEAD: dict[str, Rule] = {
    "dense_temperature": real(1 / _LARGE, _LARGE).as_argument("temperature"),
    "repeat_bias": switch,
    "new_item_bias": real(-2, 2),
}
LOSSES: dict[str, Rule] = {
    "generative_weight": real(0, _LARGE).as_argument("generative"),
    "dense_weight": real(1 / _LARGE, _LARGE).as_argument("dense"),
    "dense_label_smoothing": real(0, 0.99).as_argument("label_smoothing"),
    "full_softmax_items": whole(0),
    "sampled_items": whole(1),
}
RETRIEVAL: dict[str, Rule] = {
    "retrieval": name_of(RETRIEVALS),
    "hybrid_score": name_of(HYBRID_SCORES),
}
_LIGER: dict[str, Rule] = {**RETRIEVAL, **CONTENT, **LOSSES, **HEAD}
OF_LIGER = tuple(_LIGER)
"""Names of the settings that only LIGER has. Reading its file checks them by the same rules."""
BEFORE_THERE_WAS_A_CHOICE = {"new_item_bias": 0.0}
"""Settings of LIGER that older runs lack, with the value that they ran with."""
MODEL: dict[str, Rule] = {**NETWORK_SETTINGS, **_LIGER, "collision": name_of(COLLISIONS), "warm_start": optional(path)}


def as_before(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as an older run would have them: without those of a later version at their former value."""
    return {
        key: value
        for key, value in settings.items()
        if key not in BEFORE_THERE_WAS_A_CHOICE or value != BEFORE_THERE_WAS_A_CHOICE[key]
    }
