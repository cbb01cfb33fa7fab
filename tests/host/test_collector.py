from __future__ import annotations

import pytest
import torch
from recbole.evaluator import Collector, Evaluator

from recbole_adasid.host.collector import TopKCollector, first_hit, topk_hits
from recbole_adasid.host.config import build_config
from recbole_adasid.host.settings import SettingsError


def metrics_of(collector: Collector, config, given: torch.Tensor, positives: torch.Tensor) -> dict[str, float]:
    for start in range(0, len(given), 7):
        rows = slice(start, start + 7)
        size = len(positives[rows])
        users = {"user_id": torch.arange(start, start + size)}
        collector.eval_batch_collect(given[rows], users, torch.arange(size), positives[rows])
    return Evaluator(config).evaluate(collector.get_data_struct())


@pytest.mark.parametrize("metrics", [["Recall", "NDCG"], ["Hit", "MRR", "Precision", "MAP"]])
def test_metrics_from_topk_items_equal_recbole_s_from_dense_scores(metrics):
    config = build_config({"metrics": metrics, "topk": [1, 3, 10], "valid_metric": f"{metrics[0]}@3"})
    random = torch.Generator().manual_seed(0)
    scores = torch.rand(40, 31, generator=random)
    scores[:, 0] = -torch.inf
    positives = torch.randint(1, 31, (40,), generator=random)
    best = torch.topk(scores, 10).indices
    dense = metrics_of(Collector(config), config, scores, positives)
    assert metrics_of(TopKCollector(config), config, best, positives) == dense
    assert 0 < dense[f"{metrics[0].lower()}@10"] < 1


def test_a_missing_recommendation_is_never_a_hit():
    items = torch.tensor([[4, 0, 0], [0, 0, 0]])
    hits, relevant = topk_hits(items, torch.tensor([0, 1]), torch.tensor([4, 0]))
    assert hits.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert relevant.tolist() == [1, 1]


def test_several_relevant_items_of_a_row_all_count():
    hits, relevant = topk_hits(torch.tensor([[2, 3], [2, 3]]), torch.tensor([0, 0, 1]), torch.tensor([3, 2, 9]))
    assert hits.tolist() == [[1, 1], [0, 0]] and relevant.tolist() == [2, 1]


def test_a_metric_that_needs_all_scores_is_refused():
    config = build_config({"metrics": ["GAUC"], "valid_metric": "GAUC"})
    with pytest.raises(SettingsError, match="rec.meanrank of all items"):
        TopKCollector(config)


def test_ranks_are_those_of_the_first_hit_and_are_handed_over_once():
    collector = TopKCollector(build_config({"metrics": ["Recall"], "topk": [3], "valid_metric": "Recall@3"}))
    items = torch.tensor([[7, 5, 6], [1, 2, 3]])
    for users in ([8, 3], [4, 1]):
        collector.eval_batch_collect(items, {"user_id": torch.tensor(users)}, torch.arange(2), torch.tensor([6, 9]))
    users, ranks = collector.take_ranks()
    assert users.tolist() == [8, 3, 4, 1] and ranks.tolist() == [3, 0, 3, 0]
    assert [len(part) for part in collector.take_ranks()] == [0, 0]
    assert first_hit(torch.tensor([[0, 1, 1], [0, 0, 0], [1, 0, 0]])).tolist() == [2, 0, 1]
