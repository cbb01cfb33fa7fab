"""The exported modules compute what the model computes; torch.export itself is tested in test_to_torch.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from recbole_adasid.export.programs import DecodingStep, HistoryEncoder, UserVector
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel

LENGTHS = torch.tensor([5, 1, 3, 0])


@pytest.fixture
def histories() -> Tensor:
    torch.manual_seed(1)
    items = torch.randint(1, 31, (4, 5))
    items[0, 3] = items[0, 1]
    return items * (torch.arange(5) < LENGTHS[:, None])


@pytest.mark.parametrize("reads", ["items", "tokens"])
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
@torch.no_grad()
def test_scores_of_items_add_up_from_steps(
    attention: str, reads: str, histories: Tensor, make_model: Callable[..., TIGERModel]
) -> None:
    model = make_model(encoder_attention=attention, encoder_input=reads)
    expected = model.score_items(histories, LENGTHS)[:, 1:]
    memory = HistoryEncoder(model)(histories, LENGTHS)
    step, found = DecodingStep(model), torch.zeros_like(expected)
    tokens = model.network.vocabulary.token_ids(model.catalogue.tokens[1:].long())  # of all items, as beams
    prefixes = nn.functional.pad(tokens, (1, 0)).expand(4, -1, -1)
    for level in range(tokens.shape[1]):
        next_token = step(prefixes[..., : level + 1], *memory)
        torch.testing.assert_close(next_token.exp().sum(-1), torch.ones(4, 30))
        found += next_token.gather(2, prefixes[..., level + 1, None])[..., 0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_user_vectors_are_the_model_s_queries(histories: Tensor, make_model: Callable[..., TIGERModel]) -> None:
    tiger = make_model(encoder_attention="causal", encoder_input="items")
    trained = torch.arange(31) % 7 > 0
    model = LIGERModel(
        network=tiger.network,
        catalogue=tiger.catalogue,
        content=ItemContent(torch.randn(30, 5), trained, d_model=13),
        head=DenseHead(d_model=13),
    ).eval()
    found = UserVector(model)(histories, LENGTHS)
    torch.testing.assert_close(found, model.queries(histories, LENGTHS), atol=1e-5, rtol=0)
