"""A small TIGER network."""

from __future__ import annotations

from typing import Any

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork


def small_network(catalogue: Catalogue, **changes: Any) -> TIGERNetwork:
    sizes = {"d_model": 16, "d_head": 4, "n_heads": 3, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2}
    return TIGERNetwork(level_sizes=catalogue.level_sizes, **{**sizes, "dropout": 0.0, **changes})
