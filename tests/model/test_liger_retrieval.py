"""LIGER's generative, dense and hybrid lists."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.search.exclusion import Excluded
from small_liger import COLD, LENGTHS, build, some_sequences


@pytest.fixture
def sequences() -> Tensor:
    return some_sequences()


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


@pytest.mark.parametrize("repeat_bias", [None, 0.35])
@pytest.mark.parametrize("bias", [-0.3, 0.4])
def test_items_that_training_did_not_see_get_their_bias_in_every_dense_score(
    sequences: Tensor, bias: float, repeat_bias: float | None
) -> None:
    plain = build(repeat_bias=repeat_bias).eval()
    expected = plain.score_items(sequences, LENGTHS)
    for item in COLD:
        expected[:, item] += bias / 0.2
    model = build(repeat_bias=repeat_bias, new_item_bias=bias).eval()
    torch.testing.assert_close(model.score_items(sequences, LENGTHS), expected)
    items, found = model.recommend(sequences, LENGTHS, k=6, beam_size=6)
    assert items.equal(expected.topk(6).indices)
    torch.testing.assert_close(found, expected.topk(6).values)
    for target in (COLD[0], 8):
        scores = model.score_targets(sequences, LENGTHS, torch.full((4,), target))
        torch.testing.assert_close(scores, expected[:, target])


@pytest.mark.parametrize("retrieval", ["dense", "hybrid"])
def test_the_last_step_is_in_float32_under_autocast_too(sequences: Tensor, retrieval: str) -> None:
    """In bfloat16, scores of 8 and more are multiples of 1/16, and the best items tie."""
    model = build(retrieval=retrieval, repeat_bias=None).eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        queries, keys = model.queries(sequences, LENGTHS), model.all_keys()
        items, scores = model.recommend(sequences, LENGTHS, k=5, beam_size=30)
        every = model.score_items(sequences, LENGTHS)
        of_items = [model.score_targets(sequences, LENGTHS, column) for column in items.t()]
    expected = queries @ keys.t()
    assert queries.dtype == keys.dtype == torch.float32
    torch.testing.assert_close(every[:, 1:], expected[:, 1:])
    torch.testing.assert_close(scores, expected.gather(1, items))
    torch.testing.assert_close(torch.stack(of_items, dim=1), scores)
    assert model.all_keys().equal(keys) and not scores.equal(scores.bfloat16().float())


@pytest.mark.parametrize("bias", [0.0, -0.2])
@pytest.mark.parametrize("beam_size", [4, 30])  # the wider one finds new items too
@pytest.mark.parametrize("hybrid_score", ["dense", "sum"])
def test_hybrid_retrieval_ranks_what_the_beam_found_and_new_items(
    sequences: Tensor, hybrid_score: str, beam_size: int, bias: float
) -> None:
    model = build(retrieval="hybrid", hybrid_score=hybrid_score, new_item_bias=bias).eval()
    items, found = model.recommend(sequences, LENGTHS, k=5, beam_size=beam_size)
    dense = model.score_items(sequences, LENGTHS)
    model.retrieval = "generative"
    beam, log_probability = model.recommend(sequences, LENGTHS, k=beam_size, beam_size=beam_size)
    assert set(COLD) <= set(beam[0].tolist()) or beam_size == 4
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
