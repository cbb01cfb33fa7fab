"""Models come out as settings say."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recbole_adasid.model.building import content_settings, empty_model, liger_model
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Losses
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel

SETTINGS: dict[str, Any] = {
    **{"d_model": 8, "d_head": 4, "n_heads": 3, "d_ff": 10, "n_encoder_layers": 2, "n_decoder_layers": 1},
    **{"dropout": 0.25, "n_user_tokens": 5, "encoder_attention": "causal", "encoder_input": "items"},
    **{
        "collision": "shared",
        "content_columns": 5,
        "id_embedding": True,
        "id_dropout": 0.125,
        "label_smoothing": 0.0625,
    },
    **{"generative_weight": 0.5, "dense_weight": 2.0, "full_softmax_items": 11, "sampled_items": 12},
    **{"dense_temperature": 0.3, "dense_label_smoothing": 0.375, "retrieval": "hybrid", "hybrid_score": "sum"},
    **{"repeat_bias": True, "new_item_bias": 0.25},
}


def check_tiger(model: TIGERModel) -> None:
    assert model.catalogue.n_items == 20 and model.catalogue.level_sizes == [4, 6]
    assert model.catalogue.collision == "shared"
    network = model.network
    assert network.vocabulary.level_sizes == [4, 6] and network.vocabulary.n_user_tokens == 5
    assert network.causal and network.item_tokens is not None and network.softmax.label_smoothing == 0.0625
    assert len(network.encoder.layers) == 2 and len(network.decoder.layers) == 1
    layer = network.encoder.layers[0]
    assert layer.attention.qkv.weight.shape == (3 * 3 * 4, 8) and layer.attention.n_heads == 3
    assert layer.feed_forward.inner.weight.shape == (10, 8) and layer.dropout.p == 0.25


def test_a_placeholder_without_content_is_a_tiger_of_its_settings() -> None:
    model = empty_model(SETTINGS, n_items=20, level_sizes=[4, 6], content_width=None)
    assert type(model) is TIGERModel
    check_tiger(model)


def test_a_placeholder_with_content_is_a_liger_of_its_settings() -> None:
    model = empty_model(SETTINGS, n_items=20, level_sizes=[4, 6], content_width=7)
    assert isinstance(model, LIGERModel)
    check_tiger(model)
    assert model.losses == Losses(0.5, 2.0, 11, 12, 0.375)
    assert (model.retrieval, model.hybrid_score) == ("hybrid", "sum")
    assert model.head.repeat is not None and model.head.temperature == 0.3 and model.head.query.weight.shape == (8, 8)
    assert model.content.features.shape == (21, 5) and model.content.map.weight.shape == (8, 5)
    assert len(model.content.mean) == 7
    assert model.content.trained.tolist() == [False] + [True] * 20
    assert model.content.ids is not None and model.content.id_dropout == 0.125
    assert model.head.new_item_bias == 0.25
    assert model.weights.tolist() == [1.0] * 21


def test_the_settings_of_content_are_its_arguments() -> None:
    assert content_settings(SETTINGS) == {"d_model": 8, "columns": 5, "id_embedding": True, "id_dropout": 0.125}


@pytest.mark.parametrize("id_embedding", [True, False])
def test_a_liger_takes_the_parts_and_weights_that_it_is_given(id_embedding: bool) -> None:
    settings = {**SETTINGS, "id_embedding": id_embedding}
    tiger = empty_model(settings, n_items=20, level_sizes=[4, 6], content_width=None)
    content = ItemContent.empty(20, 7, **content_settings(settings))
    weights = torch.arange(21, dtype=torch.float64)
    model = liger_model(settings, tiger.network, tiger.catalogue, content, weights)
    assert (model.content.ids is not None) == id_embedding
    assert model.network is tiger.network and model.catalogue is tiger.catalogue and model.content is content
    assert model.weights.tolist() == list(range(21)) and model.weights.dtype == torch.float32
