"""Sources of item pairs: one table of miners, and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from recbole_adasid.data.baskets import Limits
from recbole_adasid.data.interactions import Interactions
from recbole_adasid.distributed.ray_cluster import ClusterSettings
from recbole_adasid.pairs.cooccurrence import cooccurrence_pairs
from recbole_adasid.pairs.item2vec import item2vec_pairs
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.mining_state import KeptMining
from recbole_adasid.pairs.swing import Engine, InProcess, pairs_of_baskets
from recbole_adasid.pairs.swing_on_ray import RayEngine
from recbole_adasid.settings.lookup import Settings


@dataclass(frozen=True)
class Miner:
    """A method of finding item pairs in interactions."""

    mine: Callable[..., ItemPairs]
    """Takes :class:`~recbole_adasid.data.interactions.Interactions`, N and the arguments below."""
    settings: Mapping[str, str]
    """Argument names by setting; they alone determine the pairs of given interactions."""
    has_engines: bool = False
    """Whether it also takes `engine`, which chooses where to compute."""
    edition: int = 1
    """Raise it when the same settings give other pairs, to invalidate the cache."""

    def extras(self, config: Settings, kept: Path | None, progress: bool) -> dict[str, object]:
        """Return the further arguments, which do not affect the result."""
        return {"engine": ENGINES[config["pair_engine"]](config, kept, progress)} if self.has_engines else {}


def _swing(
    interactions: Interactions,
    n_items: int,
    *,
    top_k: int | None,
    max_user_items: int | None,
    max_item_users: int | None,
    **weighing: Any,
) -> ItemPairs:
    with interactions.baskets(n_items, Limits(top_k, max_user_items, max_item_users)) as baskets:
        return pairs_of_baskets(baskets, n_items, top_k=top_k, **weighing)


def _in_memory(mine: Callable[..., ItemPairs], interactions: Interactions, n_items: int, **settings: Any) -> ItemPairs:
    return mine(*interactions.arrays(), n_items, **settings)


_HISTORY = {"window": "pair_window", "top_k": "pair_top_k", "max_user_items": "pair_max_user_items"}

MINERS: dict[str, Miner] = {
    "swing": Miner(
        _swing,
        {
            "alpha": "swing_alpha",
            "user_weight_power": "swing_user_weight_power",
            "top_k": "swing_top_k",
            "max_user_items": "swing_max_user_items",
            "max_item_users": "swing_max_item_users",
        },
        has_engines=True,
        edition=2,
    ),
    "cooccurrence": Miner(partial(_in_memory, cooccurrence_pairs), {"weighting": "pair_weight", **_HISTORY}),
    "item2vec": Miner(
        partial(_in_memory, item2vec_pairs), {"width": "item2vec_width", "negatives": "item2vec_negatives", **_HISTORY}
    ),
}
ENGINES: dict[str, Callable[[Settings, Path | None, bool], Engine]] = {
    "local": lambda config, kept, progress: InProcess(None if kept is None else KeptMining(kept), progress),
    "ray": lambda config, kept, progress: RayEngine(ClusterSettings.of(config), progress),
}
"""Engines of Swing, made from the settings, the path for saved state, and whether to show bars."""
FILE = "file"
"""The source that mines nothing: pairs from `pair_file`."""
