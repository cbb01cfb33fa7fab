"""TIGER at `paper` size: ours, and the same network built on Hugging Face's T5."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.settings.presets import read_props

DROPOUT = 0.1
FIRST_ID = 1  # of Hugging Face's vocabulary: 0 pads and starts


def our_model(codes: Tensor, size: str, **network_settings: Any) -> TIGERModel:
    """Return TIGER of a size of `props/model/TIGER.yaml` on the catalogue ``codes`` [N, L]."""
    catalogue = Catalogue(codes, [256] * codes.shape[1])
    settings = {**model_size(size), **network_settings}
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, dropout=DROPOUT, **settings)
    return TIGERModel(network=network, catalogue=catalogue)


def peer_model(catalogue: Catalogue, size: str) -> Any:
    """Return Hugging Face's T5 of the same shape; one vocabulary holds the codes of all levels."""
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = model_size(size)
    config = T5Config(
        vocab_size=FIRST_ID + sum(catalogue.level_sizes),
        d_model=sizes["d_model"],
        d_kv=sizes["d_head"],
        d_ff=sizes["d_ff"],
        num_layers=sizes["n_encoder_layers"],
        num_decoder_layers=sizes["n_decoder_layers"],
        num_heads=sizes["n_heads"],
        dropout_rate=DROPOUT,
        feed_forward_proj="relu",
        pad_token_id=0,
        decoder_start_token_id=0,
        eos_token_id=None,
    )
    return T5ForConditionalGeneration(config)


def peer_tokens(catalogue: Catalogue) -> Tensor:
    """Return the tokens [N + 1, S] of all items in the peer's vocabulary; row 0 is padding."""
    offsets = torch.tensor([0, *catalogue.level_sizes[:-1]]).cumsum(0) + FIRST_ID
    tokens = catalogue.tokens + offsets
    tokens[0] = 0
    return tokens


@functools.cache
def model_size(name: str) -> dict[str, Any]:
    return dict(read_props("model/TIGER.yaml")["model_sizes"][name])
