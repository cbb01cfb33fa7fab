from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Losses
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.search.exclusion import Excluded

N = 30
COLD = [3, 17, 29]
LENGTHS = torch.tensor([7, 2, 5, 4])


def build(
    *,
    id_embedding: bool = True,
    id_dropout: float = 0.0,
    attention: str = "causal",
    losses: Losses | None = None,
    n_user_tokens: int = 0,
    repeat_bias: float | None = 0.35,
    **options: Any,
) -> LIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(4, (N, 3)), [4, 4, 4])
    trained = torch.ones(N + 1, dtype=torch.bool)
    trained[[0, *COLD]] = False
    content = ItemContent(
        torch.randn(N, 6) * 3 + 1, trained, d_model=16, id_embedding=id_embedding, id_dropout=id_dropout
    )
    network = TIGERNetwork(
        level_sizes=catalogue.level_sizes,
        d_model=16,
        d_head=4,
        n_heads=3,
        d_ff=24,
        n_encoder_layers=2,
        n_decoder_layers=1,
        dropout=0.0,
        n_user_tokens=n_user_tokens,
        encoder_attention=attention,
        encoder_input="items",
    )
    head = DenseHead(d_model=16, temperature=0.2, repeat_bias=repeat_bias is not None)
    if head.repeat is not None:
        head.repeat.data.fill_(repeat_bias)
    if content.ids is not None:
        torch.nn.init.normal_(content.ids.weight)
    return LIGERModel(network=network, catalogue=catalogue, content=content, head=head, losses=losses, **options)


@pytest.fixture
def sequences() -> Tensor:
    torch.manual_seed(1)
    warm = torch.tensor([item for item in range(1, N + 1) if item not in COLD])
    items = warm[torch.randint(len(warm), (4, 7))]
    items[0, [2, 5, 6]] = int(items[0, 0])  # which comes back, once at the end
    items[3, 2] = int(items[3, 0])
    return items * (torch.arange(7) < LENGTHS[:, None])


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


@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_dense_retrieval_ranks_all_items_exactly(sequences: Tensor, attention: str) -> None:
    model = build(attention=attention).eval()
    scores = model.score_items(sequences, LENGTHS)
    items, found = model.recommend(sequences, LENGTHS, k=6, beam_size=6)
    torch.testing.assert_close(found, scores.topk(6).values)
    assert items.equal(scores.topk(6).indices)
    tree = model.catalogue.tree_of(torch.tensor([2, 3, 4, 9, 20]))
    excluded = Excluded(torch.tensor([0, 0, 2]), torch.tensor([4, 20, 9]))
    items, _ = model.recommend(sequences, LENGTHS, k=6, beam_size=6, tree=tree, excluded=excluded)
    assert set(items[0].tolist()) == {0, 2, 3, 9} and set(items[2].tolist()) == {0, 2, 3, 4, 20}
    targets = torch.tensor([3, 8, 30, 1])
    expected = scores.gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(model.score_targets(sequences, LENGTHS, targets), expected)


@pytest.mark.parametrize("hybrid_score", ["dense", "sum"])
def test_hybrid_retrieval_ranks_what_the_beam_found_and_new_items(sequences: Tensor, hybrid_score: str) -> None:
    model = build(retrieval="hybrid", hybrid_score=hybrid_score).eval()
    items, found = model.recommend(sequences, LENGTHS, k=5, beam_size=4)
    dense = model.score_items(sequences, LENGTHS)
    model.retrieval = "generative"
    beam, log_probability = model.recommend(sequences, LENGTHS, k=4, beam_size=4)
    for row in range(4):
        score = {item: float(dense[row, item]) for item in {*beam[row].tolist(), *COLD}}
        if hybrid_score == "sum":
            found_by_beam = dict(zip(beam[row].tolist(), log_probability[row].tolist()))
            score = {item: s + found_by_beam.get(item, min(found_by_beam.values())) for item, s in score.items()}
        expected = sorted(score, key=score.__getitem__, reverse=True)[:5]
        assert items[row].tolist() == expected
        torch.testing.assert_close(found[row], torch.tensor([score[item] for item in expected]), atol=1e-4, rtol=1e-4)


def test_generative_retrieval_is_tigers_beam_on_histories_with_content(sequences: Tensor) -> None:
    model = build(retrieval="generative").eval()
    items, scores = model.recommend(sequences, LENGTHS, k=5, beam_size=200)
    exact = model.score_items(sequences, LENGTHS).topk(5)
    torch.testing.assert_close(scores, exact.values, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(exact.values, build(id_embedding=False).eval().score_items(sequences, LENGTHS).topk(5)[0])


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


@pytest.mark.parametrize("fused", [False, True])
def test_keys_are_kept_until_the_weights_change(sequences: Tensor, fused: bool) -> None:
    model = build()
    before = model.eval().all_keys()
    assert model.all_keys() is before
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=fused)
    model.train().sequence_loss(sequences, LENGTHS).backward()
    optimizer.step()
    after = model.eval().all_keys()
    assert not torch.allclose(after, before, atol=1e-2)
    model.load_state_dict(build().state_dict())
    torch.testing.assert_close(model.all_keys(), before)


def test_keys_are_not_kept_in_training(sequences: Tensor) -> None:
    model = build().train()
    before = model.all_keys()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    model.sequence_loss(sequences, LENGTHS).backward()
    optimizer.step()
    assert not torch.allclose(model.all_keys(), before, atol=1e-2)


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
    with pytest.raises(ValueError, match="retrieval is 'both', must be one of generative, dense, hybrid"):
        build(retrieval="both")
    with pytest.raises(ValueError, match="hybrid_score is 'max', must be one of dense, sum"):
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


@pytest.mark.parametrize("retrieval", ["generative", "dense", "hybrid"])
def test_users_have_a_voice_in_every_retrieval(sequences: Tensor, retrieval: str) -> None:
    model, users = build(n_user_tokens=3, retrieval=retrieval).eval(), torch.tensor([5, 1, 2, 4])
    _, scores = model.recommend(sequences, LENGTHS, k=5, beam_size=5, users=users)
    _, other = model.recommend(sequences, LENGTHS, k=5, beam_size=5, users=users + 1)
    assert not torch.allclose(scores, other, atol=1e-3)


@pytest.mark.parametrize("hybrid_score", ["dense", "sum"])
def test_hybrid_lists_hold_each_item_once_and_end_with_no_item(sequences: Tensor, hybrid_score: str) -> None:
    """A tree of three items of training and one new one; the second user may get the new one alone, the third none."""
    model = build(retrieval="hybrid", hybrid_score=hybrid_score).eval()
    tree = model.catalogue.tree_of(torch.tensor([1, 2, 9, 17]))
    excluded = torch.tensor([[0, 0, 0, 0], [1, 2, 9, 0], [1, 2, 9, 17], [9, 0, 0, 0]])
    found = model.recommend(sequences, LENGTHS, k=15, beam_size=6, tree=tree, excluded=excluded)
    dense = model.score_items(sequences, LENGTHS)
    model.retrieval = "generative"
    exact = model.score_items(sequences, LENGTHS)
    for row in range(4):
        left = {1, 2, 9, 17}.difference(excluded[row].tolist())
        score = {item: float(dense[row, item] + (exact[row, item] if hybrid_score == "sum" else 0)) for item in left}
        expected = sorted(score, key=score.__getitem__, reverse=True)
        assert found[0][row].tolist() == expected + [0] * (15 - len(expected))
        scores = torch.tensor([score[item] for item in expected] + [-torch.inf] * (15 - len(expected)))
        torch.testing.assert_close(found[1][row], scores, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("found", [True, False])
def test_a_new_item_that_the_beam_did_not_find_gets_the_log_probability_of_the_last_one_that_it_did(
    found: bool,
) -> None:
    model = build(retrieval="hybrid", hybrid_score="sum").eval()
    queries = torch.nn.functional.normalize(torch.ones(1, 16))
    beam = torch.tensor([[4, 5, 0]]), torch.tensor([[-1.0, -3.0, -torch.inf]])
    if not found:
        beam = torch.zeros_like(beam[0]), torch.full_like(beam[1], -torch.inf)
    items, scores = model._rerank(queries, None, beam, (torch.tensor([[17, 0]]), torch.tensor([[0.5, -torch.inf]])), 5)
    keys = model.all_keys()
    expected = {17: 0.5 - 3.0, 4: float(queries[0] @ keys[4]) - 1.0, 5: float(queries[0] @ keys[5]) - 3.0}
    expected = expected if found else {17: 0.5}
    ranked = sorted(expected, key=expected.__getitem__, reverse=True)
    assert items.tolist() == [ranked + [0] * (5 - len(ranked))]
    wanted = torch.tensor([[expected[item] for item in ranked] + [-torch.inf] * (5 - len(ranked))])
    torch.testing.assert_close(scores, wanted)


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
