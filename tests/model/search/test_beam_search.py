"""Beam search against exhaustive scoring and against a slow, literal beam search."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.beam_search import expand_leaves
from recbole_adasid.model.search.exhaustive import score_all_items
from recbole_adasid.model.tiger import USERS_AT_ONCE, TIGERModel

Histories = tuple[Tensor, Tensor]


def next_code_scores(model: TIGERModel, memory: Memory, prefix: list[int]) -> list[float]:
    """Return the log-probabilities of the code after ``prefix`` by decoding the whole prefix anew, for one user."""
    ids = torch.tensor([[0, *prefix]])
    ids[0, 1:] = model.network.vocabulary.token_ids(ids[0, 1:])
    hidden = model.network.decode(ids, Tree.sequence(ids.shape[1], ids.device), memory)
    return model.network.vocabulary.logits(hidden[0, -1], len(prefix)).log_softmax(-1).tolist()


def literal_beam_search(model: TIGERModel, memory: Memory, beam_size: int) -> list[tuple[float, tuple[int, ...]]]:
    """Keep the best prefixes of catalogue SIDs, level by level, in plain Python."""
    sids = {tuple(row) for row in model.catalogue.tokens[1:].tolist()}
    beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for level in range(len(model.catalogue.level_sizes)):
        candidates = []
        for score, prefix in beams:
            following = {sid[level] for sid in sids if sid[:level] == prefix}
            scores = next_code_scores(model, memory, list(prefix))
            candidates += [(score + scores[code], (*prefix, code)) for code in following]
        beams = sorted(candidates, reverse=True)[:beam_size]
    return beams


@pytest.mark.parametrize("collision", ["suffix", "shared"])
def test_a_wide_beam_ranks_the_whole_catalogue_like_exhaustive_scoring(
    make_model: Callable[..., TIGERModel], histories: Histories, collision: str
) -> None:
    model = make_model(collision)
    items, scores = model.recommend(*histories, k=30, beam_size=100)
    exact = model.score_items(*histories)
    assert exact.shape == (4, 31)
    assert (exact[:, 0] == -torch.inf).all()
    assert items.sort(1).values.tolist() == [list(range(1, 31))] * 4
    torch.testing.assert_close(scores, exact.gather(1, items), atol=1e-5, rtol=0)
    # exact scores may order equal SIDs by rounding, so compare the order of SIDs' scores
    torch.testing.assert_close(scores, exact[:, 1:].sort(1, descending=True).values, atol=1e-5, rtol=0)
    if collision == "suffix":
        assert items.equal(exact.topk(30).indices)


@pytest.mark.parametrize("beam_size", [1, 3, 7])
def test_a_narrow_beam_equals_a_literal_beam_search(model: TIGERModel, histories: Histories, beam_size: int) -> None:
    items, scores = model.recommend(*histories, k=beam_size, beam_size=beam_size)
    for user in range(4):
        length = histories[1][user : user + 1]
        memory = model.network.encode(model.catalogue(histories[0][user : user + 1, : int(length)]), length)
        beams = literal_beam_search(model, memory, beam_size)
        assert model.catalogue(items[user]).tolist() == [list(sid) for _, sid in beams]
        torch.testing.assert_close(scores[user], torch.tensor([score for score, _ in beams]), atol=1e-5, rtol=0)


def test_exhaustive_scores_do_not_depend_on_how_the_tree_is_cut(
    model: TIGERModel, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.no_grad():
        memory = model.network.encode(model.catalogue(histories[0]), histories[1])
        whole = score_all_items(model.network, model.catalogue, memory, stems_per_chunk=1000)
        decoded: list[int] = []
        decode = model.network.decode
        monkeypatch.setattr(model.network, "decode", lambda ids, *given: decoded.append(1) or decode(ids, *given))
        pieces = score_all_items(model.network, model.catalogue, memory, stems_per_chunk=3)
    assert len(decoded) == -(-model.catalogue.tree.n_nodes[-2] // 3) > 3
    torch.testing.assert_close(pieces, whole, atol=1e-5, rtol=0)


def test_scores_of_given_targets_equal_the_exhaustive_ones(model: TIGERModel, histories: Histories) -> None:
    targets = torch.tensor([1, 30, 7, 12])
    exact = model.score_items(*histories).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(model.score_targets(*histories, targets), exact, atol=1e-5, rtol=0)


def test_shared_sids_give_their_items_one_score_in_ascending_order(
    make_model: Callable[..., TIGERModel], histories: Histories
) -> None:
    model = make_model("shared")
    items, scores = model.recommend(*histories, k=30, beam_size=100)
    sids = [tuple(row) for row in model.catalogue.tokens.tolist()]
    groups = 0
    for user in range(4):
        row = items[user].tolist()
        for i in range(29):
            if sids[row[i]] == sids[row[i + 1]]:
                groups += 1
                assert row[i] < row[i + 1]
                assert scores[user, i] == scores[user, i + 1]
    assert groups > 0


def test_more_items_than_the_catalogue_has_are_filled_with_no_item(model: TIGERModel, histories: Histories) -> None:
    items, scores = model.recommend(*histories, k=40, beam_size=100)
    assert (items[:, :30] > 0).all()
    assert (items[:, 30:] == 0).all()
    assert (scores[:, 30:] == -torch.inf).all()
    assert scores[:, :30].isfinite().all()


def test_a_beam_shorter_than_k_is_filled_with_no_item(model: TIGERModel, histories: Histories) -> None:
    items, scores = model.recommend(*histories, k=10, beam_size=2)
    assert (items[:, :2] > 0).all()
    assert (items[:, 2:] == 0).all()
    assert (scores[:, 2:] == -torch.inf).all()


def test_beams_wider_than_the_catalogue_find_all_of_it(make_model: Callable[..., TIGERModel]) -> None:
    model = make_model(n_items=900)
    history, lengths = torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.tensor([3, 2])
    exact = model.score_items(history, lengths)
    for k, beam_size in ((10**5, 10**6), (900, 900), (20, 10**6), (700, 700)):
        items, scores = model.recommend(history, lengths, k=k, beam_size=beam_size)
        n_found = min(k, 900)
        assert items.shape == scores.shape == (2, k)
        assert ((items > 0).sum(1) == n_found).all() and (items[:, n_found:] == 0).all()
        best = exact.sort(1, descending=True).values[:, :n_found]
        torch.testing.assert_close(scores[:, :n_found], best, atol=1e-4, rtol=0)
    # Not so wide that it finds all, and the best of what it would find excluded.
    excluded = exact.topk(300).indices
    items, scores = model.recommend(history, lengths, k=600, beam_size=700, excluded=excluded)
    left = exact.scatter(1, excluded, -torch.inf).sort(1, descending=True).values[:, :600]
    torch.testing.assert_close(scores, left, atol=1e-4, rtol=0)
    assert (items > 0).all()
    excluded = torch.arange(1, 900).expand(2, -1)
    assert model.recommend(history, lengths, k=3, beam_size=10**6, excluded=excluded)[0].tolist() == [[900, 0, 0]] * 2


def test_beams_that_are_fed_some_at_a_time_find_the_same(
    model: TIGERModel, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = model.recommend(*histories, k=20, beam_size=20)
    monkeypatch.setattr("recbole_adasid.model.search.beam_search._SCORES_AT_ONCE", 500)
    apart = model.recommend(*histories, k=20, beam_size=20)
    assert apart[0].equal(together[0])
    torch.testing.assert_close(apart[1], together[1], atol=1e-5, rtol=0)


def test_a_catalogue_of_one_item_is_recommended(make_model: Callable[..., TIGERModel]) -> None:
    model = make_model(n_items=1)
    items, scores = model.recommend(torch.tensor([[1, 1]]), torch.tensor([2]), k=2, beam_size=5)
    assert items.tolist() == [[1, 0]]
    assert scores[0, 0].isfinite()
    nothing = model.recommend(torch.tensor([[1]]), torch.tensor([1]), k=1, beam_size=5, excluded=torch.tensor([[1]]))
    assert nothing[0].tolist() == [[0]] and nothing[1].isneginf().all()


def test_padding_and_batch_mates_do_not_change_a_users_list(model: TIGERModel, histories: Histories) -> None:
    items, scores = model.recommend(*histories, k=10, beam_size=10)
    for user in range(4):
        length = histories[1][user : user + 1]
        alone = model.recommend(histories[0][user : user + 1, : int(length)], length, k=10, beam_size=10)
        assert alone[0][0].equal(items[user])
        torch.testing.assert_close(alone[1][0], scores[user], atol=1e-5, rtol=0)


def test_users_of_any_length_keep_their_places_in_a_large_batch(model: TIGERModel) -> None:
    torch.manual_seed(2)
    together = USERS_AT_ONCE["cpu"]
    lengths = torch.randint(1, 7, (2 * together + 9,))
    history = torch.randint(1, 31, (len(lengths), 6)) * (torch.arange(6) < lengths[:, None])
    items, scores = model.recommend(history, lengths, k=5, beam_size=8)
    for user in (0, 1, together, len(lengths) - 1):
        alone = model.recommend(history[[user]], lengths[[user]], k=5, beam_size=8)
        assert torch.equal(items[[user]], alone[0])
        torch.testing.assert_close(scores[[user]], alone[1])


def test_an_empty_history_gets_a_finite_list_whatever_the_padding(model: TIGERModel) -> None:
    empty = torch.tensor([0])
    narrow = model.recommend(torch.zeros(1, 1, dtype=torch.int64), empty, k=5, beam_size=5)
    wide = model.recommend(torch.zeros(1, 4, dtype=torch.int64), empty, k=5, beam_size=5)
    assert narrow[1].isfinite().all()
    assert narrow[0].equal(wide[0])


def test_equal_scores_are_ordered_by_item_id() -> None:
    tree = PrefixTree(torch.tensor([[2], [0], [1], [1]]), [3])  # leaves 0, 1, 2 hold items 2, (3, 4), 1
    leaves = torch.tensor([[1, 2, 0]])
    items, scores = expand_leaves(tree, leaves, torch.tensor([[-1.0, -1.0, -2.0]]), 5)
    assert items.tolist() == [[1, 3, 4, 2, 0]]
    assert scores.tolist() == [[-1.0, -1.0, -1.0, -2.0, -torch.inf]]


def test_users_have_a_voice_only_through_user_tokens(
    make_model: Callable[..., TIGERModel], histories: Histories
) -> None:
    model = make_model(n_user_tokens=5)
    users = torch.tensor([1, 2, 3, 4])
    _, scores = model.recommend(*histories, k=5, beam_size=5, users=users)
    _, same = model.recommend(*histories, k=5, beam_size=5, users=users + 5)
    _, other = model.recommend(*histories, k=5, beam_size=5, users=users + 1)
    assert scores.equal(same)
    assert not torch.allclose(scores, other, atol=1e-3)
    with pytest.raises(ValueError, match="pass users="):
        model.recommend(*histories, k=5, beam_size=5)


@pytest.mark.parametrize(("beam_size", "k"), [(0, 1), (1, 0)])
def test_an_empty_beam_or_list_is_refused(model: TIGERModel, histories: Histories, beam_size: int, k: int) -> None:
    with pytest.raises(ValueError, match="both must be at least 1"):
        model.recommend(*histories, k=k, beam_size=beam_size)
