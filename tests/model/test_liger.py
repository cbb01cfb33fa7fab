"""LIGER's scores, losses and item vectors against literal versions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Losses
from recbole_adasid.model.liger import LIGERModel
from small_liger import COLD, LENGTHS, N, build, some_sequences


@pytest.fixture
def sequences() -> Tensor:
    return some_sequences()


def vector(model: LIGERModel, item: int) -> Tensor:
    """The literal sum: tokens side by side through one matrix, features through another, the item's own embedding."""
    network, content = model.network, model.content
    assert network.item_tokens is not None
    tokens = network.vocabulary(network.vocabulary.token_ids(model.catalogue(torch.tensor(item)))).flatten()
    total = torch.cat([one.weight for one in network.item_tokens.maps], dim=1) @ tokens
    total = total + content.map.weight @ content.features[item].float()
    if content.ids is not None and item not in COLD:
        total = total + content.ids.weight[item] * 4.0
    return total


@pytest.mark.parametrize("repeat_bias", [None, -0.25, 0.5])
@pytest.mark.parametrize("id_embedding", [True, False])
def test_scores_are_cosines_of_the_last_state_and_each_items_vector(
    sequences: Tensor, id_embedding: bool, repeat_bias: float | None
) -> None:
    model = build(id_embedding=id_embedding, repeat_bias=repeat_bias).eval()
    scores = model.score_items(sequences, LENGTHS)
    assert scores[:, 0].isneginf().all()
    for row, length in enumerate(LENGTHS.tolist()):
        x = torch.stack([vector(model, int(item)) for item in sequences[row, :length]])[None]
        mask = torch.full((length, length), -30000.0).triu(1)[None, None]
        query = model.head.query(model.network.encoder(x, mask)[0, -1])
        for item in range(1, N + 1):
            key = model.head.key(vector(model, item))
            known = repeat_bias if repeat_bias and item in sequences[row] else 0.0
            expected = (torch.nn.functional.cosine_similarity(query, key, dim=0) + known) / 0.2
            torch.testing.assert_close(scores[row, item], expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("skipped", [None, torch.tensor([2, 0, 3, 0])])
@pytest.mark.parametrize("n_user_tokens", [0, 3])
@pytest.mark.parametrize("losses", [Losses(1.0, 1.0), Losses(0.0, 2.0), Losses(0.5, 0.25)])
def test_one_pass_is_the_mean_over_positions_in_loss_and_gradients(
    sequences: Tensor, losses: Losses, n_user_tokens: int, skipped: Tensor | None
) -> None:
    model, users = build(losses=losses, n_user_tokens=n_user_tokens).eval(), torch.tensor([5, 1, 2, 4])
    first = [1] * 4 if skipped is None else (1 + skipped).tolist()
    examples = [(row, at) for row, length in enumerate(LENGTHS.tolist()) for at in range(first[row], length)]
    literal = torch.stack(
        [
            model.training_loss(
                sequences[row : row + 1, :at], torch.tensor([at]), sequences[row, at : at + 1], users[row : row + 1]
            )
            for row, at in examples
        ]
    ).mean()
    loss = model.sequence_loss(sequences, LENGTHS, skipped=skipped, users=users)
    torch.testing.assert_close(loss, literal)
    used = list(model.parameters())
    expected = torch.autograd.grad(literal, used, allow_unused=True)
    for mine, theirs in zip(torch.autograd.grad(loss, used, allow_unused=True), expected):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-3)


def test_the_dense_loss_is_the_cross_entropy_among_items_that_are_trained_on(sequences: Tensor) -> None:
    model = build(losses=Losses(0.0, 1.0)).eval()
    target = torch.tensor([5, 8, 30, 1])
    scores = model.score_items(sequences, LENGTHS)
    scores[:, COLD] = -torch.inf
    expected = torch.nn.functional.cross_entropy(scores, target)
    torch.testing.assert_close(model.training_loss(sequences, LENGTHS, target), expected, atol=1e-4, rtol=1e-4)


def test_beyond_the_bound_candidates_are_drawn_and_the_loss_stays_close(sequences: Tensor) -> None:
    target = torch.tensor([5, 8, 30, 1])
    full = build(losses=Losses(0.0, 1.0)).eval().training_loss(sequences, LENGTHS, target)
    for weights in (None, torch.arange(N + 1.0) + 1):
        model = build(losses=Losses(0.0, 1.0, full_softmax_items=10, sampled_items=20_000), weights=weights).eval()
        torch.testing.assert_close(model.training_loss(sequences, LENGTHS, target), full, atol=0.05, rtol=0)


@pytest.mark.parametrize("full_softmax_items", [100, 10])
def test_smoothing_reaches_the_dense_loss(sequences: Tensor, full_softmax_items: int) -> None:
    model = build(losses=Losses(0.0, 1.0, full_softmax_items, 1000)).eval()
    values = []
    for smoothing in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        model.losses = model.losses._replace(label_smoothing=smoothing)
        values.append(float(model.sequence_loss(sequences, LENGTHS).detach()))
    assert values[1] == pytest.approx((values[0] + values[2]) / 2, rel=1e-5) and values[0] != values[2]


def test_candidates_are_those_of_a_model_that_is_loaded(sequences: Tensor) -> None:
    model = build(losses=Losses(0.0, 1.0, full_softmax_items=10), weights=torch.arange(N + 1.0) + 1)
    empty = build(losses=Losses(0.0, 1.0, full_softmax_items=10))
    empty.content.trained[1:] = True
    empty._choose_candidates()
    empty.load_state_dict(model.state_dict())
    assert empty._candidates.equal(model._candidates) and not set(COLD) & set(empty._candidates.tolist())
    assert empty._draws is not None and model._draws is not None
    assert empty._draws.log_probability.equal(model._draws.log_probability)


def test_a_share_of_items_goes_without_its_own_embedding_in_training_alone() -> None:
    model = build(id_dropout=0.5)
    drawn = torch.stack([model.content.drawn() for _ in range(200)]).float().mean(0)
    assert not drawn[[0, *COLD]].any() and 0.4 < drawn[1] < 0.6
    assert model.eval().content.drawn().equal(model.content.trained)


def test_an_item_that_is_not_trained_on_gets_no_gradient(sequences: Tensor) -> None:
    model = build(losses=Losses(0.0, 1.0))
    model.sequence_loss(sequences, LENGTHS).backward()
    assert model.content.ids is not None and model.content.ids.weight.grad is not None
    touched = model.content.ids.weight.grad.abs().sum(1) > 0
    assert not touched[[0, *COLD]].any() and touched.sum() == N - len(COLD)


def test_items_that_come_later_are_read_and_found_by_their_features_alone(sequences: Tensor) -> None:
    model = build().eval()
    twin = 8
    raw = model.content.features[twin].float() * model.content.deviation + model.content.mean
    codes = model.catalogue(torch.tensor([twin]))
    catalogue = model.catalogue.changed(codes, torch.arange(1, N + 2))
    before = model.score_items(sequences, LENGTHS)
    model.adopt(catalogue, raw[None])
    after = model.score_items(sequences, LENGTHS)
    assert after.shape == (4, N + 2)
    torch.testing.assert_close(after[:, : N + 1], before)
    own = model.content.ids
    assert own is not None
    with torch.no_grad():
        own.weight[twin] = 0
    torch.testing.assert_close(*model.score_items(sequences, LENGTHS)[:, [twin, N + 1]].unbind(1), atol=1e-2, rtol=0)
    model.score_items(torch.tensor([[N + 1, 4]]), torch.tensor([2]))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown retrieval 'both'.* Valid are: dense, generative, hybrid"):
        build(retrieval="both")
    with pytest.raises(ValueError, match="Unknown hybrid_score 'max'.* Valid are: dense, sum"):
        build(hybrid_score="max")
    model = build()
    with pytest.raises(ValueError, match="id_dropout is 2, it must lie between 0 and 1"):
        ItemContent(torch.zeros(2, 2), torch.ones(3, dtype=torch.bool), d_model=4, id_dropout=2)
    few = ItemContent(torch.zeros(2, 2), torch.ones(3, dtype=torch.bool), d_model=16)
    with pytest.raises(ValueError, match="there are features of 2 items and 30 items in the catalogue"):
        LIGERModel(network=model.network, catalogue=model.catalogue, content=few, head=model.head)


def test_the_loss_is_the_sum_of_both_by_their_weights(sequences: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    target = torch.tensor([5, 8, 30, 1])
    model = build(losses=Losses(1.0, 0.0), retrieval="generative").eval()
    generative = model.training_loss(sequences, LENGTHS, target)
    n_levels = len(model.catalogue.level_sizes)
    torch.testing.assert_close(generative, -model.score_targets(sequences, LENGTHS, target).mean() / n_levels)
    model.losses = Losses(0.0, 1.0)
    dense = model.training_loss(sequences, LENGTHS, target)
    model.losses = Losses(0.5, 3.0)
    torch.testing.assert_close(model.training_loss(sequences, LENGTHS, target), 0.5 * generative + 3.0 * dense)
    monkeypatch.setattr(model.network, "target_loss", None)  # what weighs nothing is not computed
    model.losses = Losses(0.0, 1.0)
    assert model.training_loss(sequences, LENGTHS, target).equal(dense)


def test_up_to_the_bound_the_dense_loss_is_over_all_items_that_are_trained_on() -> None:
    n_trained = N - len(COLD)
    assert build(losses=Losses(full_softmax_items=n_trained))._draws is None
    assert build(losses=Losses(full_softmax_items=n_trained - 1))._draws is not None
    weights = torch.arange(N + 1.0) + 1
    assert build(weights=weights).weights.equal(weights) and build().weights.equal(torch.ones(N + 1))


def test_a_catalogue_without_further_items_keeps_the_content_as_it_is() -> None:
    model = build().eval()
    own, wider = model.content, model.catalogue.changed(model.catalogue.tokens[:1].long(), torch.tensor([1, N + 1]))
    model.adopt(wider, torch.zeros(1, 6))
    assert len(model.content.features) == N + 2
    smaller = model.catalogue.changed(model.catalogue.tokens[:0].long(), torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="there are features of 30 items and 31 items in the catalogue"):
        model.adopt(smaller, torch.zeros(0, 6))
    model.adopt(build().catalogue, torch.zeros(0, 6))
    assert model.content is own
