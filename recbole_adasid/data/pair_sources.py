"""Where item pairs come from: one table of miners, and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from recbole_adasid.data.cooccurrence import cooccurrence_pairs
from recbole_adasid.data.item2vec import item2vec_pairs
from recbole_adasid.data.mining_state import KeptMining
from recbole_adasid.data.pairs import ItemPairs
from recbole_adasid.data.swing import swing_pairs


@dataclass(frozen=True)
class Miner:
    """A way to find item pairs in interactions."""

    mine: Callable[..., ItemPairs]
    """Takes users [I], item rows [I], N and the arguments below."""
    settings: Mapping[str, str]
    """Which setting gives which argument; they alone determine the pairs of some interactions."""
    goes_on: bool = False
    """Whether it also takes `keep`, which lets it go on after it was killed, and `progress`."""

    def extras(self, kept: Path | None, progress: bool) -> dict[str, object]:
        """Return the further arguments, which change nothing in the result."""
        if not self.goes_on:
            return {}
        return {"keep": None if kept is None else KeptMining(kept), "progress": progress}


_HISTORY = {"window": "pair_window", "top_k": "pair_top_k", "max_user_items": "pair_max_user_items"}

MINERS: dict[str, Miner] = {
    "swing": Miner(
        swing_pairs,
        {
            "alpha": "swing_alpha",
            "user_weight_power": "swing_user_weight_power",
            "top_k": "swing_top_k",
            "max_user_items": "swing_max_user_items",
            "max_item_users": "swing_max_item_users",
        },
        goes_on=True,
    ),
    "cooccurrence": Miner(cooccurrence_pairs, {"weighting": "pair_weight", **_HISTORY}),
    "item2vec": Miner(item2vec_pairs, {"width": "item2vec_width", "negatives": "item2vec_negatives", **_HISTORY}),
}
FILE = "file"
"""The source that mines nothing: pairs from `pair_file`."""
