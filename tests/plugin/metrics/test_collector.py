from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from recbole.evaluator import Collector, Evaluator
from recbole.evaluator.collector import DataStruct

from recbole_adasid.evaluation.record import EvaluationRecord
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.metrics.collector import TopKCollector, topk_hits
from recbole_adasid.plugin.metrics.list_metrics import use_list_metrics
from recbole_adasid.settings.errors import SettingsError


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
    for metric in ("GAUC", "AUC", "RMSE"):
        with pytest.raises(SettingsError, match=f"metrics='{metric}'.* has to be one of .*MAP, MRR, NDCG"):
            build_config({"metrics": metric})


LIST_METRICS = ["ItemCoverage", "AveragePopularity", "GiniIndex", "TailPercentage", "ShannonEntropy"]


class TrainingPart:
    """What RecBole's collector asks the training data for: 31 items, padding included, some never trained on."""

    def __init__(self) -> None:
        self.dataset = self
        self.item_counter = Counter({item: 1 + item * 7 % 5 for item in range(1, 28)})

    def num(self, field: str) -> int:
        return 31


def evaluated(collector: Collector, evaluator: Evaluator, given: torch.Tensor, positives: torch.Tensor):
    collector.data_collect(TrainingPart())
    users = {"user_id": torch.arange(len(given))}
    collector.eval_batch_collect(given, users, torch.arange(len(given)), positives)
    if isinstance(collector, TopKCollector):
        return evaluator.evaluate(collector.get_data_struct())
    return evaluator.evaluate(collector.data_struct)  # what RecBole's own returns fails on a number of items


@pytest.mark.parametrize("tail", [0.1, 0.5, 1, 3])
def test_metrics_of_what_is_recommended_equal_recbole_s_from_dense_scores(tail):
    settings = {"metrics": [*LIST_METRICS, "NDCG"], "topk": [1, 3, 10], "valid_metric": "NDCG@3", "tail_ratio": tail}
    config = build_config({**settings, "metric_decimal_place": 12})
    random = torch.Generator().manual_seed(0)
    scores = torch.rand(40, 31, generator=random) + torch.rand(31, generator=random)
    scores[:, 0] = -torch.inf
    positives = torch.randint(1, 31, (40,), generator=random)
    dense = evaluated(Collector(config), Evaluator(config), scores, positives)
    evaluator = Evaluator(config)
    use_list_metrics(evaluator)
    found = evaluated(TopKCollector(config), evaluator, torch.topk(scores, 10).indices, positives)
    assert found == pytest.approx(dense, abs=1e-11) and list(found) == list(dense)
    assert len({round(value, 3) for value in found.values()}) > 12


def test_metrics_of_what_is_recommended_by_hand():
    """Items 1 and 2 are recommended, item 1 twice; a place stays empty. Training has 3 examples of 1 and 1 of 2."""
    config = build_config({"metrics": [*LIST_METRICS, "NDCG"], "topk": [2], "valid_metric": "NDCG@2", "tail_ratio": 1})
    evaluator = Evaluator(config)
    use_list_metrics(evaluator)
    data = DataStruct()
    for name, value in {
        "rec.items": torch.tensor([[1, 2], [1, 0]]),
        "rec.topk": torch.tensor([[1, 0, 1], [0, 0, 1]]),
        "data.num_items": 5,
        "data.count_items": {1: 3, 2: 1},
    }.items():
        data.set(name, value)
    found = evaluator.evaluate(data)
    assert found["itemcoverage@2"] == 0.4
    assert found["averagepopularity@2"] == (3 + 1 + 3 + 0) / 4
    assert found["tailpercentage@2"] == 0.75  # all items that were trained on are the tail
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)) / 2
    assert found["shannonentropy@2"] == pytest.approx(entropy, abs=1e-4)
    assert found["giniindex@2"] == pytest.approx(((2 * 4 - 6) * 1 + (2 * 5 - 6) * 2) / 3 / 5, abs=1e-4)


def test_collected_recommendations_are_forgotten_and_what_training_says_stays():
    config = build_config({"metrics": ["ItemCoverage", "NDCG"], "topk": [2], "valid_metric": "NDCG@2"})
    collector, evaluator = TopKCollector(config), Evaluator(config)
    first = evaluated(collector, evaluator, torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
    users = {"user_id": torch.tensor([0])}
    collector.eval_batch_collect(torch.tensor([[5, 6]]), users, torch.tensor([0]), torch.tensor([5]))
    second = evaluator.evaluate(collector.get_data_struct())
    assert first["itemcoverage@2"] == round(4 / 31, 4) and second["itemcoverage@2"] == round(2 / 31, 4)


def test_metrics_that_need_the_training_part_say_so_without_it():
    config = build_config({"metrics": ["ItemCoverage", "NDCG"], "topk": [2], "valid_metric": "NDCG@2"})
    collector = TopKCollector(config)
    users = {"user_id": torch.tensor([0])}
    collector.eval_batch_collect(torch.tensor([[5, 6]]), users, torch.tensor([0]), torch.tensor([5]))
    with pytest.raises(ValueError, match=r"need the training part: train first, or call trainer.eval_collector"):
        collector.get_data_struct()


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


def test_a_record_is_of_every_user_or_of_none():
    """Sampled candidates of users with one and with several held-out items, in batches of either kind."""
    config = build_config({"metrics": ["Recall"], "topk": [3], "valid_metric": "Recall@3"})
    record = EvaluationRecord(torch.arange(10)[:, None])
    collector = TopKCollector(config, record)
    items, users = torch.tensor([[7, 5, 6], [1, 2, 3]]), {"user_id": torch.tensor([8, 3])}
    for positives in ([0, 1], [0, 0, 1], [0, 1]):
        collector.eval_batch_collect(items, users, torch.tensor(positives), torch.tensor([6, 9, 5][: len(positives)]))
    assert record.take() == {}
    collector.eval_batch_collect(items, users, torch.arange(2), torch.tensor([6, 9]))
    assert record.take()["user"].tolist() == [8, 3]
