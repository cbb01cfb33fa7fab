"""Allowed values of TIGER's and LIGER's settings. Defaults and comments are in props/."""

from __future__ import annotations

from recbole_adasid.model.catalogue import COLLISIONS
from recbole_adasid.model.liger import HYBRID_SCORES, RETRIEVALS
from recbole_adasid.model.network.settings import NETWORK_SETTINGS
from recbole_adasid.settings.rules import Rule, name_of, optional, path, real, switch, whole

_LARGE = 1e6  # float32 can no longer tell what is beside a larger weight
_LIGER: dict[str, Rule] = {
    "retrieval": name_of(RETRIEVALS),
    "hybrid_score": name_of(HYBRID_SCORES),
    "content_columns": optional(whole(1)),
    "id_embedding": switch,
    "id_dropout": real(0, 1),
    "generative_weight": real(0, _LARGE),
    "dense_weight": real(1 / _LARGE, _LARGE),
    "dense_temperature": real(1 / _LARGE, _LARGE),
    "dense_label_smoothing": real(0, 1),
    "repeat_bias": switch,
    "full_softmax_items": whole(0),
    "sampled_items": whole(1),
}
OF_LIGER = tuple(_LIGER)
"""Names of the settings that only LIGER has. Reading its file checks them by the same rules."""
MODEL: dict[str, Rule] = {**NETWORK_SETTINGS, **_LIGER, "collision": name_of(COLLISIONS), "warm_start": optional(path)}
