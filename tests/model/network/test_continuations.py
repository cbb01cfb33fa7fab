"""The bias of tokens that items of the history go on by, against loops over items and prefixes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel

LENGTHS = torch.tensor([6, 1, 0, 3])
BIAS = torch.tensor([0.5, -1.0, 2.0, -3.0])


@pytest.fixture
def histories() -> Tensor:
    torch.manual_seed(1)
    items = torch.randint(1, 31, (4, 6))
    items[0, 4] = items[0, 1]  # an item that stands twice counts once
    return items * (torch.arange(6) < LENGTHS[:, None])


def model_with_bias(encoder_attention: str = "bidirectional") -> TIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(3, (30, 3)), [3, 3, 3])
    network = TIGERNetwork(
        level_sizes=catalogue.level_sizes,
        **{"d_model": 16, "d_head": 4, "n_heads": 3, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2},
        dropout=0.0,
        encoder_attention=encoder_attention,
        token_repeat_bias=True,
    )
    assert network.softmax.repeat is not None and not network.softmax.repeat.any()
    network.softmax.repeat.data.copy_(BIAS)
    return TIGERModel(network=network, catalogue=catalogue).eval()


def literal_log_probability(model: TIGERModel, memory: Memory, history: list[list[int]], sid: list[int]) -> float:
    """One Semantic ID of one user, whose ``history`` is one too, token by token."""
    total = 0.0
    for level, code in enumerate(sid):
        ids = torch.tensor([[0, *sid[:level]]])
        ids[0, 1:] = model.network.vocabulary.token_ids(ids[0, 1:])
        hidden = model.network.decode(ids, Tree.sequence(level + 1, ids.device), memory)
        logits = model.network.vocabulary.logits(hidden[0, -1], level)
        for next_code in {item[level] for item in history if item[:level] == sid[:level]}:
            logits[next_code] += BIAS[level]
        total += float(logits.log_softmax(-1)[code])
    return total


@torch.no_grad()
def literal_scores(model: TIGERModel, histories: Tensor) -> Tensor:
    rows = []
    for items, length in zip(histories, LENGTHS.tolist()):
        memory = model.encode(items[None, : max(length, 1)], torch.tensor([length]))
        history = model.catalogue(items[:length]).tolist()
        sids = model.catalogue.tokens[1:].tolist()
        rows.append([literal_log_probability(model, memory, history, sid) for sid in sids])
    return torch.tensor(rows)


def test_all_items_and_targets_score_as_token_by_token(histories: Tensor) -> None:
    model = model_with_bias()
    expected = literal_scores(model, histories)
    torch.testing.assert_close(model.score_items(histories, LENGTHS)[:, 1:], expected, atol=1e-5, rtol=0)
    targets = torch.tensor([int(histories[0, 1]), 8, 30, int(histories[3, 2])])
    found = model.score_targets(histories, LENGTHS, targets)
    torch.testing.assert_close(found, expected[torch.arange(4), targets - 1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("beam_size", [4, 100])
def test_beams_score_as_token_by_token(histories: Tensor, beam_size: int) -> None:
    model = model_with_bias()
    expected = literal_scores(model, histories)
    items, scores = model.recommend(histories, LENGTHS, k=4, beam_size=beam_size)
    torch.testing.assert_close(scores, expected.gather(1, items - 1), atol=1e-5, rtol=0)
    if beam_size == 100:
        torch.testing.assert_close(scores, expected.topk(4).values, atol=1e-5, rtol=0)


def test_the_loss_is_the_mean_log_probability_and_teaches_every_level(histories: Tensor) -> None:
    model = model_with_bias()
    targets = torch.tensor([int(histories[0, 1]), 8, 30, int(histories[3, 2])])
    loss = model.training_loss(histories, LENGTHS, targets)
    expected = literal_scores(model, histories)[torch.arange(4), targets - 1]
    assert loss.item() == pytest.approx(-float(expected.mean()) / 4, abs=1e-5)
    loss.backward()
    assert model.network.softmax.repeat is not None and model.network.softmax.repeat.grad is not None
    assert model.network.softmax.repeat.grad.ne(0).all()


def test_one_pass_is_the_mean_over_positions_in_loss_and_gradients(histories: Tensor) -> None:
    model = model_with_bias("causal")
    sequences, lengths = histories[[0, 3]], torch.tensor([6, 3])
    literal = torch.stack(
        [
            model.training_loss(sequences[row, None, :place], torch.tensor([place]), sequences[row, place, None])
            for row, length in enumerate(lengths.tolist())
            for place in range(1, length)
        ]
    ).mean()
    loss = model.sequence_loss(sequences, lengths)
    torch.testing.assert_close(loss, literal)
    weights = list(model.parameters())
    for mine, theirs in zip(torch.autograd.grad(loss, weights), torch.autograd.grad(literal, weights)):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_prefixes_are_followed_from_their_parents() -> None:
    tokens = torch.tensor([[[0, 1], [0, 2], [2, 1], [1, 1]]])
    root = Continuations.of_histories(tokens, torch.tensor([3]))
    assert root.count(0, 3).tolist() == [[[2.0, 0.0, 1.0]]]  # 1 is behind the history's end
    both = root.after(0, torch.tensor([[2, 0, 1]]), torch.tensor([[0, 0, 0]]))
    assert both.count(1, 3).tolist() == [[[0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]
    swapped = both.after(1, torch.tensor([[2, 1]]), torch.tensor([[1, 0]]))
    assert swapped.agree.tolist() == [[[False, True, False, False], [False, False, True, False]]]


def test_older_runs_have_no_such_bias() -> None:
    names = ("d_model", "d_head", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "dropout", "n_user_tokens")
    assert network_settings(dict.fromkeys(names, 1))["token_repeat_bias"] is False
