"""What the trainer measures: RecBole's metrics, of beams, sampled candidates and lists without seen items."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
import torch
from recbole.data import create_dataset, data_preparation
from recbole.evaluator import Collector, Evaluator
from recbole.utils import init_seed

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.liger import LIGER
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.plugin.trainer import TIGERTrainer


def test_a_wide_beam_gives_recbole_s_dense_metrics(prepare):
    trainer, (train, valid, _) = prepare(beam_size=64, metric_decimal_place=6)
    trainer.fit(train, valid)
    trainer.model.eval()
    dense = Collector(trainer.config)
    with torch.no_grad():
        for interaction, _, rows, items in valid:
            scores = trainer.model.full_sort_predict(interaction)
            dense.eval_batch_collect(scores, interaction, rows, items)
    expected = Evaluator(trainer.config).evaluate(dense.get_data_struct())
    found = trainer.evaluate(valid, load_best_model=False)
    assert dict(found) == pytest.approx(dict(expected), abs=2e-6)


LIST_METRICS = ["ItemCoverage", "AveragePopularity", "GiniIndex", "TailPercentage", "ShannonEntropy"]


def test_metrics_of_what_is_recommended_are_those_of_recbole_from_dense_scores(prepare):
    trainer, (train, valid, _) = prepare(
        beam_size=64, metric_decimal_place=6, metrics=LIST_METRICS, valid_metric="GiniIndex@3"
    )
    trainer.fit(train, valid)
    trainer.model.eval()
    dense = Collector(trainer.config)
    dense.data_collect(train)
    with torch.no_grad():
        for interaction, _, rows, items in valid:
            dense.eval_batch_collect(trainer.model.full_sort_predict(interaction), interaction, rows, items)
    expected = Evaluator(trainer.config).evaluate(dense.data_struct)
    found = trainer.evaluate(valid, load_best_model=False)
    assert dict(found) == pytest.approx(dict(expected), abs=2e-6)
    # The counts are those of the training examples' targets, as for RecBole's sequential models.
    assert dense.data_struct["data.count_items"] == Counter(train.dataset.inter_feat["item_id"].tolist())


def test_the_epoch_of_the_smallest_value_is_kept_where_less_is_better(prepare):
    trainer, (train, valid, _) = prepare(epochs=4, metrics=LIST_METRICS, valid_metric="AveragePopularity@3")
    score, _ = trainer.fit(train, valid)
    values = [result["averagepopularity@3"] for result in trainer.valid_results.values()]
    assert len(values) > 1 and score == pytest.approx(min(values), abs=1e-4)


def test_improvements_too_small_to_print_count(prepare):
    trainer, (train, valid, _) = prepare(metric_decimal_place=1)
    trainer.model.eval()
    exact, printed = trainer._valid_epoch(valid)
    assert printed["ndcg@10"] == round(exact, 1) != exact


def test_sampled_candidates_are_ranked_as_recbole_ranks_them(prepare):
    mode = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni5"}
    trainer, (train, valid, test) = prepare(eval_args=mode)
    trainer.fit(train, valid)
    found = trainer.evaluate(test)
    assert found["recall@10"] == 1 and 0 < found["recall@3"] <= 1


def test_decoding_in_bfloat16_hardly_moves_the_metrics(prepare):
    trainer, (train, valid, test) = prepare(epochs=15, learning_rate=0.01)
    trainer.fit(train, valid)
    exact = trainer.evaluate(test, load_best_model=False)
    trainer.eval_bfloat16 = True
    assert trainer.evaluate(test, load_best_model=False) == pytest.approx(exact, abs=0.1)
    batch = next(iter(test))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        _, scores = trainer.model.recommend_topk(batch[0], k=3)
    assert not torch.equal(scores, trainer.model.recommend_topk(batch[0], k=3)[1])


@pytest.mark.parametrize(("model", "network"), [(TIGER, {}), (LIGER, {"model": "LIGER", "repeat_bias": False})])
def test_lists_without_items_of_the_history_are_evaluated(tiny_settings, tmp_path, monkeypatch, model, network):
    monkeypatch.chdir(tmp_path)
    found = {}
    for exclude in (False, True):
        config = build_config({**tiny_settings, **network, "eval_exclude_seen": exclude, "beam_size": 64})
        init_seed(config["seed"], True)
        train, valid, _ = data_preparation(config, create_dataset(config))
        trainer = TIGERTrainer(config, model(config, train.dataset))
        trainer.fit(train, valid, saved=False)
        trainer.model.eval()
        recommend = partial(trainer.model.recommend_topk, k=10)
        found[exclude] = [(batch["item_id_list"], recommend(batch)[0]) for batch, *_ in valid]
    for (history, plain), (_, without) in zip(found[False], found[True]):
        for own, one, other in zip(history.tolist(), plain.tolist(), without.tolist()):
            left = [item for item in one if item not in own]
            assert other[: len(left)] == left and not set(own).intersection(other) - {0}
    assert any(set(own).intersection(one) - {0} for own, one in rows_of(found[False]))


def rows_of(batches):
    return [pair for history, items in batches for pair in zip(history.tolist(), items.tolist())]
