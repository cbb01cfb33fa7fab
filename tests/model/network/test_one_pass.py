"""One pass over a sequence against the same network, position by position."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.stack import Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.network.vocabulary import ItemTokens, Vocabulary
from recbole_adasid.model.tiger import TIGERModel
from small_tiger import small_network

LENGTHS = torch.tensor([7, 2, 5, 4])
SKIPPED = torch.tensor([2, 0, 0, 2])
USERS = torch.tensor([5, 1, 2, 4])


def causal_model(encoder_input: str = "items", n_user_tokens: int = 0, dropout: float = 0.0) -> TIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(4, (30, 3)), [4, 4, 4])
    reading = {"n_user_tokens": n_user_tokens, "encoder_attention": "causal", "encoder_input": encoder_input}
    network = small_network(catalogue, dropout=dropout, **reading)
    return TIGERModel(network=network, catalogue=catalogue)


@pytest.fixture
def sequences() -> Tensor:
    torch.manual_seed(1)
    return torch.randint(1, 31, (4, 7)) * (torch.arange(7) < LENGTHS[:, None])


def position_by_position(model: TIGERModel, sequences: Tensor, skipped: Tensor) -> Tensor:
    """The literal version: a loop over positions, each an example with a history of its own."""
    total, count = torch.zeros(()), 0
    for row, length in enumerate(LENGTHS.tolist()):
        for place in range(1 + int(skipped[row]), length):
            history = sequences[row : row + 1, :place]
            target = sequences[row, place : place + 1]
            total = total + model.training_loss(history, torch.tensor([place]), target, USERS[row : row + 1])
            count += 1
    return total / count


@pytest.mark.parametrize("encoder_input", ["items", "tokens"])
@pytest.mark.parametrize("n_user_tokens", [0, 3])
@pytest.mark.parametrize("skipped", [None, SKIPPED])
def test_one_pass_is_the_mean_over_positions_in_loss_and_gradients(
    sequences: Tensor, encoder_input: str, n_user_tokens: int, skipped: Tensor | None
) -> None:
    model = causal_model(encoder_input, n_user_tokens)
    literal = position_by_position(model, sequences, SKIPPED * 0 if skipped is None else skipped)
    expected = torch.autograd.grad(literal, list(model.parameters()), allow_unused=True)
    loss = model.sequence_loss(sequences, LENGTHS, skipped=skipped, users=USERS)
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    torch.testing.assert_close(loss, literal)
    for (name, _), mine, theirs in zip(model.named_parameters(), found, expected):
        assert mine is not None and theirs is not None, name
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("encoder_input", ["items", "tokens"])
def test_what_comes_later_and_padding_change_nothing(sequences: Tensor, encoder_input: str) -> None:
    model = causal_model(encoder_input).eval()
    whole = model.network.encode(model.catalogue(sequences), LENGTHS).states
    per_item = 1 if encoder_input == "items" else 4
    other = sequences.clone()
    other[0, 3:] = 11
    changed = model.network.encode(model.catalogue(other), LENGTHS).states
    torch.testing.assert_close(changed[0, : 3 * per_item], whole[0, : 3 * per_item])
    assert not torch.allclose(changed[0, 3 * per_item], whole[0, 3 * per_item])
    other = sequences.masked_fill(torch.arange(7) >= LENGTHS[:, None], 9)
    garbage = model.score_targets(other, LENGTHS, torch.tensor([3, 8, 30, 1]))
    torch.testing.assert_close(garbage, model.score_targets(sequences, LENGTHS, torch.tensor([3, 8, 30, 1])))


def test_an_item_is_the_map_of_its_tokens_side_by_side(sequences: Tensor) -> None:
    network = causal_model().network
    assert network.item_tokens is not None
    ids = network.vocabulary.token_ids(causal_model().catalogue(sequences))
    matrix = torch.cat([one.weight for one in network.item_tokens.maps], dim=1)
    expected = network.vocabulary(ids).flatten(2) @ matrix.t()
    torch.testing.assert_close(network.item_tokens(ids), expected)
    assert not network.item_tokens(ids * 0).any()


def test_beam_search_finds_the_best_items_of_an_exact_ranking(sequences: Tensor) -> None:
    model = causal_model().eval()
    items, scores = model.recommend(sequences, LENGTHS, k=5, beam_size=64)
    exact = model.score_items(sequences, LENGTHS)
    torch.testing.assert_close(scores, exact.topk(5).values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(exact.gather(1, items), scores, atol=1e-5, rtol=1e-5)


def test_a_bidirectional_encoder_refuses_one_pass(sequences: Tensor) -> None:
    model = causal_model()
    model.network.causal = False
    with pytest.raises(ValueError, match="set encoder_attention to causal"):
        model.sequence_loss(sequences, LENGTHS)


def test_unknown_kinds_are_refused_with_the_valid_ones() -> None:
    small = {"d_model": 8, "d_head": 4, "n_heads": 2, "d_ff": 8, "n_encoder_layers": 1, "n_decoder_layers": 1}
    with pytest.raises(ValueError, match="Unknown encoder_attention 'both'.* Valid are: bidirectional, causal"):
        TIGERNetwork(level_sizes=[4], dropout=0.0, encoder_attention="both", **small)
    with pytest.raises(ValueError, match="Unknown encoder_input 'words'.* Valid are: items, tokens"):
        TIGERNetwork(level_sizes=[4], dropout=0.0, encoder_input="words", **small)


def test_settings_of_older_runs_mean_the_network_they_were_trained_with() -> None:
    names = ("d_model", "d_head", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "dropout", "n_user_tokens")
    older = network_settings(dict.fromkeys(names, 1))
    assert (older["encoder_attention"], older["encoder_input"]) == ("bidirectional", "tokens")
    newer = network_settings({**older, "encoder_attention": "causal", "encoder_input": "items"})
    assert (newer["encoder_attention"], newer["encoder_input"]) == ("causal", "items")


def test_smoothing_lets_all_codewords_of_a_level_count_a_little(sequences: Tensor) -> None:
    model = causal_model().eval()
    network, catalogue = model.network, model.catalogue
    histories, lengths, targets = sequences[:, :-1], LENGTHS - 1, torch.tensor([3, 8, 1, 30])
    plain = model.training_loss(histories, lengths, targets)
    memory = network.encode(catalogue(histories), lengths)
    literal = 0.0
    for row, codes in enumerate(catalogue(targets).tolist()):
        for level, code in enumerate(codes):
            inputs = torch.cat(
                [torch.zeros(1, dtype=torch.int64), network.vocabulary.token_ids(catalogue(targets))[row]]
            )
            hidden = network.decode(inputs[None, : level + 1], Tree.sequence(level + 1, inputs.device), memory)
            log_shares = torch.log_softmax(network.vocabulary.logits(hidden[row, -1], level), dim=-1)
            literal -= float(0.8 * log_shares[code] + 0.2 * log_shares.mean()) / (len(targets) * len(codes))
    network.softmax.label_smoothing = 0.2
    smoothed = model.training_loss(histories, lengths, targets)
    assert float(smoothed.detach()) == pytest.approx(literal, abs=1e-5) and float(smoothed) > float(plain)


def test_a_causal_encoder_reads_the_user_first(sequences: Tensor) -> None:
    model = causal_model(n_user_tokens=3).eval()
    states, other = (model.encode(items, LENGTHS, USERS).states for items in (sequences, sequences.flip(0)))
    assert states.shape == (4, 8, 16) and states[:, 0].equal(other[:, 0])
    assert not torch.allclose(model.encode(sequences, LENGTHS, USERS + 1).states[:, 1:], states[:, 1:])


def test_new_maps_of_tokens_are_drawn_so_that_an_item_s_vector_is_as_long_as_that_of_a_token() -> None:
    torch.manual_seed(0)
    maps = ItemTokens(Vocabulary(level_sizes=[4, 4, 4], d_model=64)).maps
    assert [one.weight.std().item() for one in maps] == pytest.approx([(3 * 64) ** -0.5] * 3, rel=0.05)
