"""A T5 with our weights computes our probabilities, despite its single softmax and its bidirectional encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recbole_adasid.export.item_vectors import item_vectors
from recbole_adasid.export.t5_limits import check_t5_can
from recbole_adasid.export.t5_weights import item_embeddings, stream_width, t5_config, t5_weights
from recbole_adasid.model.network.stack import Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel

transformers = pytest.importorskip("transformers")
LENGTHS = torch.tensor([6, 1, 4])


def t5_of(network: TIGERNetwork) -> Any:
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(**t5_config(network, 0.1))).eval()
    model.lm_head.weight = nn.Parameter(torch.empty_like(model.lm_head.weight))
    model.load_state_dict(t5_weights(network))
    return model


def histories() -> Tensor:
    torch.manual_seed(1)
    return torch.randint(1, 31, (3, 6)) * (torch.arange(6) < LENGTHS[:, None])


def inputs(model: TIGERModel, items: Tensor) -> dict[str, Tensor]:
    network, valid = model.network, items > 0
    if network.item_tokens is not None:
        vectors = item_embeddings(network, item_vectors(model))
        return {"inputs_embeds": vectors[items], "attention_mask": valid.long()}
    tokens = network.vocabulary.token_ids(model.catalogue(items)) * valid[..., None]
    return {"input_ids": tokens.flatten(1), "attention_mask": valid.repeat_interleave(tokens.shape[2], 1).long()}


@pytest.mark.parametrize(
    ("attention", "reads"), [("causal", "items"), ("bidirectional", "items"), ("bidirectional", "tokens")]
)
@torch.no_grad()
def test_every_probability_is_ours(attention: str, reads: str, make_model: Callable[..., TIGERModel]) -> None:
    model = make_model(encoder_attention=attention, encoder_input=reads)
    network, items = model.network, histories()
    check_t5_can(model)
    codes = model.catalogue(torch.tensor([3, 17, 30]))
    prefixes = nn.functional.pad(network.vocabulary.token_ids(codes[:, :-1]), (1, 0))
    found = t5_of(network)(**inputs(model, items), decoder_input_ids=prefixes).logits.softmax(-1)

    hidden = network.decode(prefixes, Tree.sequence(4, items.device), model.encode(items, LENGTHS))
    expected = torch.zeros_like(found)
    for level, (first, size) in enumerate(zip(network.vocabulary.offsets.tolist(), network.vocabulary.level_sizes)):
        expected[:, level, first : first + size] = network.vocabulary.logits(hidden, level)[:, level].softmax(-1)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
    assert (found[expected == 0] == 0).all()


@torch.no_grad()
def test_other_levels_are_impossible_in_bfloat16_too(make_model: Callable[..., TIGERModel]) -> None:
    model = make_model()
    network = model.network
    prefixes = nn.functional.pad(network.vocabulary.token_ids(model.catalogue(torch.tensor([[3]]))[0, :, :-1]), (1, 0))
    t5 = t5_of(network).to(torch.bfloat16)
    found = t5(**inputs(model, torch.tensor([[4, 5]])), decoder_input_ids=prefixes).logits.float().softmax(-1)[0]
    level_of = [-1, *(level for level, size in enumerate(network.vocabulary.level_sizes) for _ in range(size))]
    wrong = torch.tensor(level_of) != torch.arange(4)[:, None]
    assert (found[wrong] == 0).all() and (found[~wrong] > 0).all()


def test_the_stream_is_wider_by_a_column_per_level(make_model: Callable[..., TIGERModel]) -> None:
    assert stream_width(make_model(d_model=13).network) == 24  # 13 + 4 levels
    assert stream_width(make_model(d_model=12).network) == 16
    assert stream_width(make_model(collision="shared", d_model=13).network) == 16


REFUSED = [
    ({"encoder_attention": "causal", "encoder_input": "tokens"}, "causal with encoder_input=tokens .*model_size=paper"),
    ({"n_encoder_layers": 0}, "n_encoder_layers=0 leaves T5 without an encoder"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_t5_cannot_express_is_refused_by_name(
    options: dict[str, Any], message: str, make_model: Callable[..., TIGERModel]
) -> None:
    with pytest.raises(ValueError, match=message):
        check_t5_can(make_model(**options))
