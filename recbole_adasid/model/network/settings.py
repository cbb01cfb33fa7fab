"""Allowed values of a network's settings, and defaults for older runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.model.network.token_softmax import TOKEN_SOFTMAXES
from recbole_adasid.settings.rules import Rule, name_of, real, switch, whole

ENCODER_ATTENTIONS = ("causal", "bidirectional")
ENCODER_INPUTS = ("items", "tokens")
_LARGE = 2**16  # a greater width is a typo
NETWORK_SETTINGS: dict[str, Rule] = {
    "d_model": whole(1, _LARGE),
    "d_head": whole(1, _LARGE),
    "n_heads": whole(1, 4096),
    "d_ff": whole(1, _LARGE),
    "n_encoder_layers": whole(0, 1000),
    "n_decoder_layers": whole(1, 1000),
    "dropout": real(0, 0.49),
    "n_user_tokens": whole(0, 2**24),
    "encoder_attention": name_of(ENCODER_ATTENTIONS),
    "encoder_input": name_of(ENCODER_INPUTS),
    "label_smoothing": real(0, 0.99),  # 1 would leave the target no weight
    "token_softmax": name_of(TOKEN_SOFTMAXES),
    "history_bias": switch,
}
"""Settings, in addition to level sizes, that determine a network's shape and training, with their allowed values."""
_BEFORE_THERE_WAS_A_CHOICE = {
    "encoder_attention": "bidirectional",
    "encoder_input": "tokens",
    "label_smoothing": 0.0,
    "token_softmax": "level",
    "history_bias": False,
}


def network_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network's arguments in ``settings``; older runs lack those without an alternative at the time."""
    settings = {**_BEFORE_THERE_WAS_A_CHOICE, **settings}
    return {key: settings[key] for key in NETWORK_SETTINGS}
