from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from recbole.data.dataset import SequentialDataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.peers.dataset import InteractionDataset, SequenceDataset
from recbole_adasid.plugin.peers.loaders import load_parts


@pytest.fixture
def settings(write_dataset, tmp_path):
    """Thirty users whose times are all different, two of whom have few interactions."""
    random = np.random.default_rng(1)
    lengths = [2, 3, *random.integers(4, 9, size=28)]
    users = random.permutation(np.repeat(np.arange(30), lengths))
    rows = [(f"u{user}", f"i{random.integers(20)}", str(time)) for time, user in enumerate(users)]
    return {"dataset": "tiny", "data_path": str(write_dataset(tmp_path, rows)), "MAX_ITEM_LIST_LENGTH": 3}


def test_examples_are_those_of_recbole_where_no_times_are_equal(settings):
    config = build_config({**settings, "model": "SASRec"}, peers=True)
    for ours, theirs in zip(SequenceDataset(config).build(), SequentialDataset(config).build()):
        assert len(ours) == len(theirs)
        ours, theirs = ours[np.arange(len(ours))], theirs[np.arange(len(theirs))]
        for field in ("user_id", "item_id", "item_id_list", "item_length"):
            assert torch.equal(ours[field], theirs[field])


def test_models_without_an_order_train_on_all_that_tiger_trains_on_and_test_its_users(settings):
    sequences = SequenceDataset(build_config({**settings, "model": "SASRec"}, peers=True)).build()
    config = build_config({**settings, "model": "BPR"}, peers=True)
    train, valid, test = InteractionDataset(config).build()
    for ours, theirs in ((valid, sequences[1]), (test, sequences[2])):
        for field in ("user_id", "item_id"):
            assert torch.equal(ours.inter_feat[field], theirs.inter_feat[field])
    assert train.item_counter == sequences[0].item_counter
    held_out = len(valid) + len(test)
    assert len(train) == len(sequences[0].flat_items) - held_out
    matrix = train.inter_matrix(form="csr")
    for user, item in zip(test.inter_feat["user_id"].tolist(), test.inter_feat["item_id"].tolist()):
        pairs = (train.inter_feat["user_id"] == user) & (train.inter_feat["item_id"] == item)
        assert matrix[user, item] == int(pairs.sum())


def test_what_a_user_had_is_left_out_but_for_the_held_out_item(settings):
    *_, test = load_parts(build_config({**settings, "model": "BPR", "eval_batch_size": 7}, peers=True))
    part, seen = test._dataset, 0
    for batch, (row, item), place, held_out in test:
        assert set(batch.interaction) == {"user_id"} and place.tolist() == list(range(len(held_out)))
        for number, (user, target) in enumerate(zip(batch["user_id"].tolist(), held_out.tolist())):
            begin, end = np.searchsorted(part._flat_users, [user, user + 1])
            had = set(part.flat_items[begin : end - 1].tolist()) - {target}
            assert set(item[row == number].tolist()) == had
            seen += 1
    assert seen == len(part)
    *_, test = load_parts(build_config({**settings, "model": "BPR", "repeatable": True}, peers=True))
    assert next(iter(test))[1] is None


def test_a_run_gives_recboles_own_numbers_where_no_times_are_equal(settings, tmp_path, monkeypatch):
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender.sasrec import SASRec
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    from recbole_adasid.plugin.run import run

    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.chdir(tmp_path)
    shared = {**settings, "epochs": 3, "train_batch_size": 16, "train_neg_sample_args": None, "hidden_size": 16}
    shared |= {"metrics": ["Recall", "NDCG"], "topk": [3, 10], "valid_metric": "NDCG@10", "metric_decimal_place": 10}
    shared |= {"eval_batch_size": 8, "show_progress": False, "inner_size": 16, "n_layers": 1}
    ours = run({**shared, "model": "SASRec"})
    order = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    config = Config(
        SASRec,
        "tiny",
        config_dict={**shared, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "eval_args": order},
    )
    init_seed(config["seed"], True)
    train, valid, test = data_preparation(config, create_dataset(config))
    init_seed(config["seed"], True)
    trainer = Trainer(config, SASRec(config, train._dataset).to(config["device"]))
    _, best_valid = trainer.fit(train, valid, verbose=False)
    assert dict(ours["best_valid"]) == dict(best_valid) and dict(ours["test"]) == dict(trainer.evaluate(test))
