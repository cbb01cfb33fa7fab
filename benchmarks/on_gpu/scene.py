"""What every part of the measurements on a GPU stands on: the device, how large everything is, data and models."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import networks, toys
from recbole_adasid.model.building import content_settings, liger_model
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import read_props

ITEMS = {
    **{"encoder_attention": "causal", "encoder_input": "items"},
    **{"token_softmax": "tree", "history_bias": True},
}
TOKENS = {"encoder_attention": "causal", "encoder_input": "tokens"}
PAPER = {"encoder_attention": "bidirectional", "encoder_input": "tokens"}
QUICK_ITEMS, QUICK_WIDTH = 600, 64
PREPARED = "toys.npz"
"""File of a prepared folder: codes int [N, 3], features float [N, d], and pairs of items with their weights."""


def installed(name: str) -> None:
    """Ask for a peer's package.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"{name} is not installed, so that there is no peer: install it by pip")


@dataclass(frozen=True)
class Scene:
    """Where and how large to measure.

    Attributes:
        device: that is measured.
        quick: everything tiny, to see that it runs.
        prepared: folder of real items; None: random ones of the same shape.
    """

    device: torch.device
    quick: bool = False
    prepared: Path | None = None

    def pick(self, full: Any, quick: Any) -> Any:
        """Return one of two sizes of something."""
        return quick if self.quick else full

    @property
    def sizes(self) -> tuple[str, ...]:
        """Model sizes that are measured."""
        return self.pick(("small", "paper"), ("tiny",))

    @functools.cached_property
    def codes(self) -> Tensor:
        """Semantic IDs of all items, int64 [N, 3]."""
        return self._cut(torch.from_numpy(self._stored["codes"]).long() if self._stored else toys.semantic_ids(None))

    @functools.cached_property
    def features(self) -> Tensor:
        """Features of all items, float32 [N, d]."""
        stored = self._stored
        features = self._cut(torch.from_numpy(stored["features"]).float() if stored else toys.features(None))
        return features[:, :QUICK_WIDTH].contiguous() if self.quick else features

    @functools.cached_property
    def pairs(self) -> ItemPairs:
        """Pairs of items that go together."""
        stored = self._stored
        found = ItemPairs(stored["trigger"], stored["target"], stored["weight"]) if stored else toys.pairs(None)
        if not self.quick:
            return found
        kept = (found.trigger < QUICK_ITEMS) & (found.target < QUICK_ITEMS)
        return ItemPairs(found.trigger[kept], found.target[kept], found.weight[kept])

    def histories(self, count: int) -> tuple[Tensor, Tensor]:
        """Return histories of Toys' lengths, int64 [count, 20], and the lengths, on the device."""
        lengths = toys.history_lengths(count)
        items = torch.randint(1, len(self.codes) + 1, (count, toys.LONGEST))
        items *= torch.arange(toys.LONGEST) < lengths[:, None]
        return items.to(self.device), lengths.to(self.device)

    def tiger(self, size: str, **network: Any) -> TIGERModel:
        """Return TIGER of a size, on the CPU, with the same weights every time."""
        torch.manual_seed(0)
        return networks.our_model(self.codes, size, **network)

    def liger(self, size: str) -> LIGERModel:
        """Return LIGER of a size, on the CPU, with the same weights every time."""
        torch.manual_seed(0)
        settings = {**read_props("model/TIGER.yaml"), **read_props("model/LIGER.yaml"), **networks.model_size(size)}
        settings |= ITEMS
        catalogue = Catalogue(self.codes, [256] * self.codes.shape[1])
        network = TIGERNetwork(level_sizes=catalogue.level_sizes, **network_settings(settings))
        trained = torch.arange(len(self.codes) + 1) > 0
        content = ItemContent(self.features, trained, **content_settings(settings))
        return liger_model(settings, network, catalogue, content)

    @functools.cached_property
    def _stored(self) -> dict[str, Any]:
        if self.prepared is None:
            return {}
        with np.load(self.prepared / PREPARED, allow_pickle=False) as file:
            return dict(file)

    def _cut(self, rows: Tensor) -> Tensor:
        return rows[:QUICK_ITEMS] if self.quick else rows
