from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from recbole_adasid.model.dense.head import DenseHead, _stable_top, top_items
from recbole_adasid.model.search.exclusion import Excluded

ITEMS = torch.tensor([1, 2, 4, 5, 7, 8, 9, 11, 12])


def literal_top(
    queries: torch.Tensor, keys: torch.Tensor, k: int, excluded: set[tuple[int, int]]
) -> tuple[list[list[int]], list[list[float]]]:
    """Sort all items by a loop over users; equal scores by id."""
    items, scores = [], []
    for row, query in enumerate(queries):
        ranked = sorted((-float(query @ keys[item]), int(item)) for item in ITEMS if (row, int(item)) not in excluded)
        ranked = ranked[:k] + [(float("inf"), 0)] * (k - len(ranked))
        items.append([item for _, item in ranked])
        scores.append([-score for score, _ in ranked])
    return items, scores


@pytest.mark.parametrize("at_once", [1, 2, 4, 100])
@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_blocks_give_what_a_full_ranking_gives(at_once: int, k: int) -> None:
    torch.manual_seed(0)
    queries, keys = torch.randint(-2, 3, (6, 3)).float(), torch.randint(-2, 3, (13, 3)).float()
    pairs = [(0, 4), (0, 5), (2, 12), (2, 3), (5, 1), (5, 1), (4, 0), *((3, int(item)) for item in ITEMS[:7])]
    excluded = Excluded(*torch.tensor(pairs).t())
    found = top_items(queries, keys, ITEMS, k, excluded, at_once=at_once)
    expected = literal_top(queries, keys, k, set(pairs))
    assert found[0].tolist() == expected[0]
    assert found[1].tolist() == expected[1]
    assert top_items(queries, keys, ITEMS, k, at_once=at_once)[0].tolist() == literal_top(queries, keys, k, set())[0]


@pytest.mark.parametrize("score", [lambda n: torch.randn(50, n), lambda n: torch.randint(4, (50, n)).float()])
@pytest.mark.parametrize(("k", "n"), [(1, 5), (4, 5), (5, 5), (3, 40)])
def test_the_first_of_equal_scores_are_taken_with_ties_and_without(
    score: Callable[[int], torch.Tensor], k: int, n: int
) -> None:
    torch.manual_seed(0)
    scores = score(n)
    values, columns = _stable_top(scores, k)
    for row, found in zip(scores.tolist(), columns.tolist()):
        assert found == sorted(range(n), key=lambda column: (-row[column], column))[:k]
    assert values.equal(scores.gather(1, columns))


def test_no_item_gives_empty_lists() -> None:
    items, scores = top_items(torch.randn(2, 3), torch.randn(5, 3), ITEMS[:0], 2)
    assert not items.any() and scores.isneginf().all()


def test_a_score_is_the_cosine_over_the_temperature() -> None:
    torch.manual_seed(0)
    head = DenseHead(d_model=5, temperature=0.2)
    states, vectors = torch.randn(3, 5), torch.randn(4, 5)
    expected = torch.nn.functional.cosine_similarity(head.query(states)[:, None], head.key(vectors)[None], dim=2) / 0.2
    torch.testing.assert_close(head.queries(states) @ head.keys(vectors).t(), expected)


def test_a_temperature_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature is 0, must be above 0"):
        DenseHead(d_model=5, temperature=0)


def test_vectors_may_stand_in_any_shape() -> None:
    torch.manual_seed(0)
    head, vectors = DenseHead(d_model=5), torch.randn(2, 3, 5)
    assert head.temperature == 0.07
    torch.testing.assert_close(head.keys(vectors).norm(dim=-1), torch.ones(2, 3))
    torch.testing.assert_close(head.queries(vectors).norm(dim=-1), torch.full((2, 3), 1 / 0.07))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_scores_are_float32_whatever_they_are_computed_in(dtype: torch.dtype) -> None:
    queries, keys = torch.randn(2, 3).to(dtype), torch.randn(13, 3).to(dtype)
    for items in (ITEMS, ITEMS[:0]):
        assert top_items(queries, keys, items, 2)[1].dtype == torch.float32
