"""Validation rules of settings that tokenizers share. Defaults and comments are in props/.

Settings of a single quantizer or regulation are in its ``SETTINGS``.
"""

from __future__ import annotations

from recbole_adasid.settings.rules import (
    LARGEST,
    Rule,
    list_of,
    name_of,
    one_or_list,
    optional,
    path,
    real,
    switch,
    whole,
)
from recbole_adasid.tokenizer.autoencoder import REDUCTIONS
from recbole_adasid.tokenizer.scaling import SCALINGS
from recbole_adasid.tokenizer.training.loop import CONTRASTIVE_SPACES, DRAWS, NEGATIVES

_LARGE = 2**16  # a larger width is a typo

COMMON: dict[str, Rule] = {
    "sid_length": whole(1, 8),
    "codebook_size": one_or_list(whole(2, 65_536)),
    "feature_scaling": name_of(SCALINGS),
    "kmeans_iterations": whole(0),
}

RQ_OPQ: dict[str, Rule] = {
    "opq_subspaces": whole(1, 8),
}

TRAINING: dict[str, Rule] = {
    "quantize_from": whole(0),
    "latent_scale": real(0, above=True),
    "revive_every": whole(0),
    "tokenizer_steps": whole(1).as_argument("steps"),
    "tokenizer_batch_pairs": whole(1, LARGEST // 4).as_argument("batch_pairs"),
    "tokenizer_batch_solo_items": whole(0).as_argument("batch_solo_items"),
    "tokenizer_draw": name_of(DRAWS).as_argument("draw"),
    "pair_draw_power": real(0, 10),
    "tokenizer_learning_rate": real(0, above=True).as_argument("learning_rate"),
    "tokenizer_weight_decay": real(0).as_argument("weight_decay"),
    "tokenizer_bf16": switch.as_argument("bf16"),
    "tokenizer_log_every": whole(1).as_argument("log_every"),
    "contrastive_temperature": real(0, above=True).as_argument("temperature"),
    "contrastive_space": name_of(CONTRASTIVE_SPACES),
    "contrastive_negatives": name_of(NEGATIVES),
}

AUTOENCODER: dict[str, Rule] = {
    "code_dim": whole(1, _LARGE),
    "encoder_hidden": list_of(whole(1, _LARGE), empty=True),
    "commitment": real(0),
    "reconstruction_reduction": name_of(REDUCTIONS),
    "collaborative_weight": real(0),
    **TRAINING,
}

AROUND: dict[str, Rule] = {
    "sids_file": optional(path),
    "tokenizer_save_every": whole(1),
}
"""Settings that do not affect the trained tokenizer."""
