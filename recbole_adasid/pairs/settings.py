"""Validation rules of pair settings. Defaults and comments are in props/."""

from __future__ import annotations

from recbole_adasid.distributed.ray_cluster import LEAST_MEMORY
from recbole_adasid.pairs.cooccurrence import WEIGHTS
from recbole_adasid.pairs.sources import ENGINES, FILE, MINERS
from recbole_adasid.settings.rules import Rule, name_of, optional, path, real, text, whole

_LARGE = 2**16  # a larger width is a typo

PAIRS: dict[str, Rule] = {
    "pair_source": name_of([*MINERS, FILE]),
    "pair_file": optional(path),
    "pair_window": optional(whole(1)),
    "pair_weight": name_of(WEIGHTS),
    "pair_top_k": whole(1),
    "pair_max_user_items": optional(whole(1)),
    "item2vec_width": whole(1, _LARGE),
    "item2vec_negatives": whole(1),
    "swing_alpha": real(0, above=True),
    "swing_user_weight_power": real(0, 10),
    "swing_top_k": optional(whole(1)),
    "swing_max_user_items": optional(whole(1)),
    "swing_max_item_users": optional(whole(1)),
    "pair_engine": name_of(ENGINES),
    "ray_address": optional(text),
    "ray_workers": optional(whole(1, 4096)),
    "ray_worker_memory": real(LEAST_MEMORY, 4096),
}
