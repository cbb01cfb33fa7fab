"""Tokens normalised over the tree of Semantic IDs, against sums over the catalogue written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.settings import network_settings
from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.network.token_softmax import N_AGES
from recbole_adasid.model.search.exclusion import Excluded
from recbole_adasid.model.tiger import TIGERModel

LENGTHS = torch.tensor([6, 1, 0, 3])
SEEN = -0.25  # times the step of 8: a bias of −2
CONTINUED = torch.randn(4, N_AGES, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def histories() -> Tensor:
    torch.manual_seed(1)
    items = torch.randint(1, 31, (4, 6))
    items[0, 4] = items[0, 1]  # an item that stands twice counts once
    return items * (torch.arange(6) < LENGTHS[:, None])


def tree_model(collision: str = "suffix", trained: Tensor | None = None, **more: object) -> TIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(3, (30, 3)), [3, 3, 3], collision=collision)
    network = TIGERNetwork(
        level_sizes=catalogue.level_sizes,
        **{"d_model": 16, "d_head": 4, "n_heads": 3, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2},
        **{"dropout": 0.0, "token_softmax": "tree", "history_bias": True, **more},
    )
    softmax = network.softmax
    assert softmax.seen is not None and softmax.continued is not None
    assert not softmax.seen.any() and not softmax.continued.any()
    softmax.seen.data.fill_(SEEN)
    softmax.continued.data.copy_(CONTINUED[: len(catalogue.level_sizes)])
    return TIGERModel(network=network, catalogue=catalogue, trained=trained).eval()


def literal_step(
    model: TIGERModel, memory: Memory, prefix: list[int], sids: set[tuple[int, ...]], history: list[tuple[int, ...]]
) -> dict[int, float]:
    """The log-probability of each code that continues the prefix of one user's next Semantic ID."""
    level = len(prefix)
    ids = torch.tensor([[0, *prefix]])
    ids[0, 1:] = model.network.vocabulary.token_ids(ids[0, 1:])
    hidden = model.network.decode(ids, Tree.sequence(level + 1, ids.device), memory)
    logits = model.network.vocabulary.logits(hidden[0, -1], level)
    below = [sid for sid in sids if list(sid[:level]) == prefix]
    scores = {}
    for code in {sid[level] for sid in below}:
        only_seen = all(sid in history for sid in below if sid[level] == code)
        scores[code] = float(logits[code]) + 8 * SEEN * only_seen
        for age, sid in enumerate(reversed(history)):
            if list(sid[: level + 1]) == [*prefix, code]:
                scores[code] += float(CONTINUED[level, age])
    tokens = model.catalogue.tokens.tolist()
    old = {tokens[item][level] for item in model.trained.nonzero()[:, 0].tolist() if tokens[item][:level] == prefix}
    total, of_old = (math.log(sum(map(math.exp, some)) or 1) for some in (scores.values(), [scores[c] for c in old]))
    return {code: score - (of_old if code in old else total) for code, score in scores.items()}


@torch.no_grad()
def literal_scores(model: TIGERModel, histories: Tensor, items: list[int] | None = None) -> Tensor:
    """Log-probabilities of ``items``, [B, N + 1], among them."""
    items = items or list(range(1, model.catalogue.n_items + 1))
    tokens = model.catalogue.tokens.tolist()
    sids = {tuple(tokens[item]) for item in items}
    found = torch.full((len(histories), len(tokens)), -torch.inf)
    for row, (read, length) in enumerate(zip(histories, LENGTHS.tolist())):
        memory = model.encode(read[None, : max(length, 1)], torch.tensor([length]))
        history = [tuple(tokens[item]) for item in read[:length].tolist()]
        for item in items:
            sid = tokens[item]
            steps = (literal_step(model, memory, sid[:level], sids, history)[code] for level, code in enumerate(sid))
            found[row, item] = sum(steps)
    return found


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_all_items_and_targets_score_as_written_out_and_sum_to_1(histories: Tensor, collision: str) -> None:
    model = tree_model(collision)
    expected, scores = literal_scores(model, histories), model.score_items(histories, LENGTHS)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    leaves = model.catalogue.tree.leaf_items[model.catalogue.tree.first_item[:-1].long()].long()
    torch.testing.assert_close(scores[:, leaves].exp().sum(1), torch.ones(4))
    targets = torch.tensor([int(histories[0, 1]), 8, 30, int(histories[3, 2])])
    found = model.score_targets(histories, LENGTHS, targets)
    torch.testing.assert_close(found, expected[torch.arange(4), targets], atol=1e-5, rtol=0)


@pytest.mark.parametrize("beam_size", [4, 100])
@pytest.mark.parametrize("encoder_attention", ["causal", "bidirectional"])
def test_beams_score_as_written_out(histories: Tensor, beam_size: int, encoder_attention: str) -> None:
    model = tree_model(encoder_attention=encoder_attention)
    expected = literal_scores(model, histories)
    items, scores = model.recommend(histories, LENGTHS, k=4, beam_size=beam_size)
    torch.testing.assert_close(scores, expected.gather(1, items), atol=1e-5, rtol=0)
    if beam_size == 100:
        torch.testing.assert_close(scores, expected.topk(4).values, atol=1e-5, rtol=0)


@pytest.mark.parametrize("beam_size", [7, 100])
def test_no_filter_changes_an_items_score(histories: Tensor, beam_size: int) -> None:
    model = tree_model()
    scores, some = model.score_items(histories, LENGTHS), torch.arange(2, 31, 4)
    excluded = Excluded(torch.tensor([0, 0, 3]), torch.tensor([2, 6, 10]))
    items, found = model.recommend(
        histories, LENGTHS, k=7, beam_size=beam_size, tree=model.catalogue.tree_of(some), excluded=excluded
    )
    torch.testing.assert_close(found[items > 0], scores.gather(1, items)[items > 0], atol=1e-5, rtol=0)
    left = torch.full_like(scores, -torch.inf)
    left[:, some] = scores[:, some]
    left[excluded.rows, excluded.items] = -torch.inf
    best = left.topk(7)
    torch.testing.assert_close(found, best.values, atol=1e-5, rtol=0)
    assert items.equal(best.indices * (best.values > -torch.inf))


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_added_and_removed_items_change_no_other_score(histories: Tensor, collision: str) -> None:
    trained = torch.ones(31, dtype=torch.bool)
    trained[[0, 2, 9, 16, 23]] = False
    model = tree_model(collision, trained=trained)
    before = model.score_items(histories, LENGTHS)
    torch.testing.assert_close(before, literal_scores(model, histories), atol=1e-5, rtol=0)
    more, stays = torch.randint(3, (8, 3)), torch.arange(1, 39)[torch.arange(1, 39) % 6 > 0]
    if collision == "suffix":
        more = torch.nn.functional.pad(more, (0, 1), value=model.catalogue.level_sizes[-1] - 1)
    model.adopt(model.catalogue.changed(more, stays), torch.empty(0))
    after = model.score_items(histories, LENGTHS)
    old = stays[stays < 31]
    old = old[trained[old]]
    # The first user has seen all of some prefixes, which lead to new items now: they are no longer held back.
    torch.testing.assert_close(after[1:, old], before[1:, old], atol=1e-5, rtol=0)
    torch.testing.assert_close(after[:, stays], literal_scores(model, histories)[:, stays], atol=1e-5, rtol=0)
    items, scores = model.recommend(histories, LENGTHS, k=40, beam_size=40)
    assert sorted(items[0].tolist())[-len(stays) :] == stays.tolist()
    torch.testing.assert_close(scores[:, : len(stays)], after.gather(1, items)[:, : len(stays)], atol=1e-5, rtol=0)


def test_the_loss_is_the_mean_log_probability_among_the_trained_items(histories: Tensor) -> None:
    trained = torch.ones(31, dtype=torch.bool)
    trained[[0, 2, 9, 16, 23]] = False
    model = tree_model(trained=trained)
    targets = torch.tensor([int(histories[0, 1]), 8, 29, int(histories[3, 2])])
    assert trained[targets].all()
    expected = literal_scores(model, histories, trained.nonzero()[:, 0].tolist())[torch.arange(4), targets]
    loss = model.training_loss(histories, LENGTHS, targets)
    assert loss.item() == pytest.approx(-float(expected.mean()) / 4, abs=1e-5)
    loss.backward()
    for bias in (model.network.softmax.seen, model.network.softmax.continued):
        assert bias is not None and bias.grad is not None and bias.grad.any()


def test_one_pass_is_the_mean_over_positions_in_loss_and_gradients(histories: Tensor) -> None:
    model = tree_model(encoder_attention="causal", encoder_input="items", label_smoothing=0.1)
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


def test_smoothing_spreads_over_the_codes_that_take_part(histories: Tensor) -> None:
    model = tree_model(label_smoothing=0.2)
    target, tokens = torch.tensor([8]), model.catalogue.tokens.tolist()
    with torch.no_grad():
        memory = model.encode(histories[:1], LENGTHS[:1])
        history = [tuple(tokens[item]) for item in histories[0].tolist()]
        expected = 0.0
        for level, code in enumerate(tokens[8]):
            step = literal_step(model, memory, tokens[8][:level], {tuple(sid) for sid in tokens[1:]}, history)
            expected -= (0.8 * step[code] + 0.2 * sum(step.values()) / len(step)) / 4
    loss = model.training_loss(histories[:1], LENGTHS[:1], target)
    assert loss.item() == pytest.approx(expected, abs=1e-5)


def test_older_runs_are_normalised_over_levels() -> None:
    names = ("d_model", "d_head", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "dropout", "n_user_tokens")
    settings = network_settings(dict.fromkeys(names, 1))
    assert settings["token_softmax"] == "level" and settings["history_bias"] is False
    network = TIGERNetwork(level_sizes=[4, 4], **{**settings, "dropout": 0.0, "history_bias": True})
    assert network.softmax.seen is None and not network.softmax.reads_history


def test_unknown_kinds_and_a_missing_tree_are_refused(histories: Tensor) -> None:
    with pytest.raises(ValueError, match="Unknown token_softmax 'all'.* Valid are: level, tree"):
        tree_model(token_softmax="all")
    model = tree_model()
    tokens = model.catalogue(histories)
    with pytest.raises(ValueError, match="over a tree of Semantic IDs: pass the tree, or set token_softmax to level"):
        model.network.target_loss(model.network.encode(tokens, LENGTHS), tokens[:, 0])
