from __future__ import annotations

import pytest
import torch
from recbole.evaluator import Collector, Evaluator

from recbole_adasid.evaluation.record import EvaluationRecord
from recbole_adasid.host.collector import TopKCollector, topk_hits
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
    for metric in ("GAUC", "AUC", "ItemCoverage"):
        with pytest.raises(SettingsError, match=f"metrics='{metric}'.* has to be one of Hit, MAP, MRR, NDCG"):
            build_config({"metrics": metric})


def test_users_with_one_held_out_item_are_noted_and_others_are_not():
    config = build_config({"metrics": ["Recall"], "topk": [3], "valid_metric": "Recall@3"})
    record = EvaluationRecord(torch.arange(10)[:, None])
    collector = TopKCollector(config, record)
    items, users = torch.tensor([[7, 5, 6], [1, 2, 3]]), {"user_id": torch.tensor([8, 3])}
    collector.eval_batch_collect(items, users, torch.arange(2), torch.tensor([6, 9]))
    noted = record.take()
    assert noted["user"].tolist() == [8, 3] and noted["rank"].tolist() == [3, 0]
    collector.eval_batch_collect(items, users, torch.tensor([0, 0, 1]), torch.tensor([6, 5, 9]))
    assert record.take() == {}
