"""Held-out items ranked among sampled ones: the same candidates in every evaluation, and one row per user."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.peers.loaders import load_parts
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.sampled_candidates import best_candidates, one_row_per_user, same_candidates

MODE = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni5"}


def test_a_user_s_first_row_stands_for_all_candidates() -> None:
    interaction = Interaction({"user": torch.tensor([7, 7, 7, 4, 4, 9]), "item": torch.arange(6)})
    found = one_row_per_user(interaction, torch.tensor([0, 0, 0, 1, 1, 2]))
    assert found["user"].tolist() == [7, 4, 9] and found["item"].tolist() == [0, 3, 5]


def test_a_held_out_item_comes_after_those_with_its_score_and_lists_end_with_the_catalogue() -> None:
    scores = torch.full((2, 6), -torch.inf)
    scores[0, [1, 2, 3]] = 0.5
    scores[1, [2, 4]] = torch.tensor([0.1, 0.9])
    found = best_candidates(scores, torch.tensor([1, 4]), k=8)
    assert set(found[0, :2].tolist()) == {2, 3} and found[0, 2:].tolist() == [1, 0, 0, 0, 0, 0]
    assert found[1].tolist() == [4, 2, 0, 0, 0, 0, 0, 0]


def test_several_held_out_items_of_a_user_are_ranked_by_score() -> None:
    scores = torch.tensor([[-torch.inf, 0.2, 0.9, 0.5]])
    assert best_candidates(scores, torch.tensor([2, 3]), k=5).tolist() == [[2, 3, 1, 0, 0]]


def test_candidates_are_drawn_anew_from_the_same_seed_and_nobody_else_notices() -> None:
    np.random.seed(5)
    expected = np.random.randint(1000, size=3).tolist()
    np.random.seed(5)
    drawn, loader = [], SimpleNamespace(num_workers=2)
    for data in (loader, loader, None):
        with same_candidates(data, 3):
            assert data is None or data.num_workers == 0
            drawn.append(np.random.randint(1000, size=4).tolist())
        assert loader.num_workers == 2
    assert drawn[0] == drawn[1] == drawn[2] and np.random.randint(1000, size=3).tolist() == expected


@pytest.mark.parametrize("mode", ["full", "uni5"])
def test_processes_make_the_batches_only_where_all_items_are_ranked(mode: str, tiny_settings: dict[str, Any]) -> None:
    config = build_config({**tiny_settings, "worker": 2, "eval_args": {**MODE, "mode": mode}})
    _, valid, _ = data_preparation(config, create_dataset(config))
    with same_candidates(valid, 3):
        assert valid.num_workers == (2 if mode == "full" else 0)
    assert valid.num_workers == 2


COMMON = ("dataset", "data_path", "MAX_ITEM_LIST_LENGTH", "show_progress", "run_root", "train_batch_size")


@pytest.mark.parametrize("model", ["TIGER", "SASRec"])
def test_users_items_and_ranks_of_a_run_belong_together(model: str, tiny_settings: dict[str, Any]) -> None:
    settings = tiny_settings if model == "TIGER" else {key: tiny_settings[key] for key in COMMON}
    # Lists of 30 among 20 items.
    settings = {**settings, "model": model, "eval_args": MODE, "epochs": 1, "topk": [3, 10, 30]}
    done = run({**settings, **({"beam_size": 30, "report": False} if model == "TIGER" else {})})
    ranks = np.load(done["run_folder"] / "test_ranks.npz")
    assert {len(ranks[name]) for name in ranks.files} == {len(set(ranks["user"].tolist()))}
    page = (done["run_folder"] / "evaluation.md").read_text(encoding="utf-8")
    assert "among a few sampled items only (uni5)" in page and "beam" not in page
    told = "Validation and test rank held-out items among a few sampled items only (uni5)"
    assert told in (done["run_folder"] / "run.log").read_text(encoding="utf-8")
    assert done["test"]["recall@30"] == 1
    assert done["test"]["recall@3"] == pytest.approx(((ranks["rank"] > 0) & (ranks["rank"] <= 3)).mean(), abs=1e-4)


@pytest.mark.parametrize("model", ["SASRec", "BPR"])
def test_popularity_is_counted_in_the_rows_that_tiger_s_is(model: str, tiny_settings: dict[str, Any]) -> None:
    mode = {"eval_args": {**MODE, "mode": "pop5"}, "cold_item_share": 0.1, "eval_examples": 9}
    config = build_config({**tiny_settings, **mode})
    expected = [loader._sampler for loader in data_preparation(config, create_dataset(config))[1:]]
    own = {key: tiny_settings[key] for key in COMMON}
    _, *ours = load_parts(build_config({**own, **mode, "model": model}, peers=True))
    for loader, theirs in zip(ours, expected):
        assert loader._sampler.prob == theirs.prob and loader._sampler.alias == theirs.alias
        np.testing.assert_array_equal(loader._sampler._get_candidates_list(), theirs._get_candidates_list())
