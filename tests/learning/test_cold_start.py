"""Runs that hold items out of training: nothing of them is learned, and they get places like new items."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset

from recbole_adasid.data.cold_items import draw_cold_items
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.evaluation.metric_intervals import gains
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.features.item_features import item_features
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.learning.cold_start import ItemSubset
from recbole_adasid.learning.pipeline import learn_semantic_ids, semantic_ids_fingerprint
from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import presets
from recbole_adasid.tokenizer.saved import load_tokenizer

SHARE = 0.3


@pytest.fixture(scope="module")
def settings(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base = tmp_path_factory.mktemp("cold")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 1, "beam_size": 20, "show_progress": False, "cold_item_share": SHARE}
    return {**settings, "cache_dir": str(base / "cache"), "run_root": str(base)}


@pytest.fixture(scope="module")
def finished(settings: dict[str, Any]) -> dict[str, Any]:
    return run(settings)


def parts(settings: dict[str, Any]) -> tuple[Any, list[Any]]:
    dataset = create_dataset(build_config(settings))
    return dataset, dataset.build()


def examples(part: Any) -> list[tuple[str, tuple[str, ...], str]]:
    """Return user, history and target of every example by their tokens."""
    batch, found = part[:], []
    for row in range(len(part)):
        history = batch["item_id_list"][row][: int(batch["item_length"][row])]
        tokens = [part.id2token("item_id", int(item)) for item in (*history, batch["item_id"][row])]
        found.append((part.id2token("user_id", int(batch["user_id"][row])), tuple(tokens[:-1]), tokens[-1]))
    return found


def test_training_examples_are_those_of_a_dataset_without_the_cold_items(settings: dict[str, Any]) -> None:
    dataset, (train, valid, test) = parts(settings)
    _, (all_train, all_valid, all_test) = parts({**settings, "cold_item_share": 0.0})
    cold = draw_cold_items(20, SHARE, build_config(settings)["seed"])
    names = {dataset.id2token("item_id", row + 1) for row in np.flatnonzero(cold)}
    assert len(names) == 6 and train.cold is not None and np.array_equal(train.cold, cold)
    assert examples(valid) == examples(all_valid) and examples(test) == examples(all_test)
    sequences: dict[str, list[str]] = {}
    for user, history, target in examples(all_train):
        sequences.setdefault(user, [history[0]]).append(target)
    expected = []
    for user, items in sequences.items():
        warm = [item for item in items if item not in names]
        expected += [(user, tuple(warm[max(0, end - 4) : end]), warm[end]) for end in range(1, len(warm))]
    assert sorted(examples(train)) == sorted(expected) and len(train) < len(all_train)
    assert (train.history_lengths() == [len(history) for _, history, _ in examples(train)]).all()
    users, rows = train.training_items().training_interactions()
    all_users, all_rows = all_train.training_items().training_interactions()
    kept = ~cold[all_rows]
    assert np.array_equal(rows, all_rows[kept]) and np.array_equal(users, all_users[kept])


def test_what_is_learned_does_not_depend_on_the_cold_items(settings, tiny_data: Path, tmp_path: Path) -> None:
    """Their titles are changed: the tokenizer stays, to the last bit."""
    _, (train, _, _) = parts(settings)
    items = train.training_items()
    learned = learn_semantic_ids(build_config({**settings, "cache_dir": None}), items)
    names = {token for token, cold in zip(items.item_tokens(), items.cold_items().tolist()) if cold}
    home = tmp_path / "tiny"
    home.mkdir()
    (home / "tiny.inter").write_bytes((tiny_data / "tiny" / "tiny.inter").read_bytes())
    lines = (tiny_data / "tiny" / "tiny.item").read_text().splitlines()
    changed = [f"{line} and words of its own" if line.split("\t")[0] in names else line for line in lines]
    (home / "tiny.item").write_text("\n".join(changed) + "\n")
    elsewhere = {**settings, "data_path": str(tmp_path), "cache_dir": None}
    _, (other, _, _) = parts(elsewhere)
    again = learn_semantic_ids(build_config(elsewhere), other.training_items())
    assert again.description["features"] == learned.description["features"]
    assert again.fingerprint != learned.fingerprint
    for name, value in learned.tokenizer.state_dict().items():
        assert torch.equal(value, again.tokenizer.state_dict()[name])
    cold = items.cold_items()
    assert np.array_equal(again.codes[~cold], learned.codes[~cold])


def test_cold_items_get_the_places_that_new_items_of_their_features_get(settings, finished, tmp_path: Path) -> None:
    """A run on the warm items alone, to which the cold ones are added."""
    folder = finished["run_folder"]
    _, (train, _, _) = parts(settings)
    items, cold = train.training_items(), train.cold
    tokenizer, _ = load_tokenizer(folder / "tokenizer")
    fitted = read_fitted(folder / "features.safetensors")
    config = build_config(settings)
    warm, new = ItemSubset(items, ~cold), ItemSubset(items, cold)
    first = item_features(config, warm, StageCache(None))
    assert all(np.array_equal(first.fitted[name], fitted[name]) for name in fitted)
    features = item_features(config, new, StageCache(None), fitted=fitted)
    ids = dict(zip(items.item_tokens(), read_json(folder / "sids.json").values()))
    groups: dict[tuple[int, ...], int] = {}
    for token, code in zip(warm.item_tokens(), tokenizer.encode(torch.from_numpy(first.values)).tolist()):
        assert ids[token] == [*code, groups.get(tuple(code), 0)]
        groups[tuple(code)] = groups.get(tuple(code), 0) + 1
    most, moved = max(groups.values()), 0
    for token, code in zip(new.item_tokens(), tokenizer.encode(torch.from_numpy(features.values)).tolist()):
        assert ids[token][:2] == code[:2] and ids[token][-1] < most
        moved += ids[token][2] != code[2]
    assert len({tuple(row) for row in ids.values()}) == 20 and moved < len(new.item_tokens())
    recommender = Recommender.load(folder)
    found = recommender.recommend(["i1"], 20, exclude_seen=False)
    assert {one.item for one in found} == set(items.item_tokens())


def test_cold_and_warm_users_are_measured_apart(finished: dict[str, Any], settings) -> None:
    folder = finished["run_folder"]
    record = read_arrays(folder / "test_ranks.npz")
    _, (train, _, _) = parts(settings)
    seen = np.bincount(train.training_items().training_interactions()[1], minlength=20)
    assert not seen[train.cold].any()
    is_cold = np.array([seen[item - 1] == 0 for item in record["item"]])
    assert 0 < is_cold.sum() < len(is_cold)
    metrics = json.loads((folder / "metrics.json").read_text())
    for name, chosen in (("cold", is_cold), ("warm", ~is_cold)):
        slice_ = metrics["test_slices"][name]
        assert slice_["users"] == chosen.sum() and slice_.keys() == {"users", *finished["test"]}
        for metric in finished["test"]:
            assert slice_[metric] == pytest.approx(gains(record["rank"][chosen], metric).mean())
            low, high = metrics["test_slice_intervals"][name][metric]
            assert low <= slice_[metric] <= high
    assert read_json(folder / "sids.info.json")["cold_items"] == 6
    tokens = train.training_items().item_tokens()
    shown = read_json(folder / "examples.json")["items"]
    cold_tokens = {token for token, is_cold_item in zip(tokens, train.cold.tolist()) if is_cold_item}
    assert shown and not cold_tokens & {name for one in shown for name in (one["item"], *one["nearest"])}
    page = (folder / "evaluation.md").read_text()
    assert f"| metric | cold, {is_cold.sum()} users | 95% interval | warm, {(~is_cold).sum()} users |" in page
    assert "  cold valid  warm valid   cold test   warm test\n" in (folder / "run.log").read_text()
    valid = metrics["best_valid_slices"]
    assert valid["cold"]["users"] + valid["warm"]["users"] == 30 and valid["cold"]["users"] > 0
    for metric, value in finished["best_valid"].items():
        parts_ = [valid[name][metric] * valid[name]["users"] for name in ("cold", "warm")]
        assert sum(parts_) / 30 == pytest.approx(value, abs=5e-5)


def test_the_audit_passes_and_finds_out_what_leaks(finished, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished["run_folder"]
    found = dict(audit(folder))
    about = [statement for statement in found if "cold item" in statement or "other items alone" in statement]
    assert len(about) == 4 and all(found.values())

    from recbole_adasid.plugin.datasets.dataset import TIGERDataset

    honest = TIGERDataset._leave_out
    with monkeypatch.context() as patched:
        patched.setattr(TIGERDataset, "_leave_out", lambda self, cold: setattr(self, "cold", cold))
        with pytest.raises(RuntimeError, match="contain held-out items"):
            audit(folder)
    with monkeypatch.context() as patched:
        patched.setattr(TIGERDataset, "_leave_out", lambda self, cold: None)
        leaking = dict(audit(folder))
        assert [leaking[statement] for statement in about] == [False] * 4
        assert not leaking["item pairs are mined from all other interactions"]
    with monkeypatch.context() as patched:
        patched.setattr(TIGERDataset, "_leave_out", lambda self, cold: honest(self, np.roll(cold, 1)))
        assert not any(dict(audit(folder))[statement] for statement in about)


def test_the_same_run_reuses_its_stages_and_another_share_does_not(settings, finished) -> None:
    again = run(settings)
    assert set(again["semantic_ids"].stages.values()) == {"reused"} and again["test"] == finished["test"]
    assert again["semantic_ids"].fingerprint == finished["semantic_ids"].fingerprint
    _, (train, _, _) = parts({**settings, "cold_item_share": 0.2})
    config = build_config({**settings, "cold_item_share": 0.2})
    fresh = learn_semantic_ids(config, train.training_items())
    assert fresh.stages["tokenizer"] == "computed" and fresh.fingerprint != finished["semantic_ids"].fingerprint
    assert semantic_ids_fingerprint(config, train.training_items()) == fresh.fingerprint
    shared = build_config({**settings, "collision": "shared"})
    _, (train, _, _) = parts(settings)
    other = learn_semantic_ids(shared, train.training_items())
    assert other.suffix is None and other.fingerprint != finished["semantic_ids"].fingerprint


@pytest.mark.parametrize("name", presets("tokenizer"))
def test_every_tokenizer_gives_cold_items_their_places(name: str, settings: dict[str, Any]) -> None:
    given = {**settings, "tokenizer": name, "tokenizer_steps": 5, "encoder_hidden": [8], "code_dim": 4, "lookup_dim": 2}
    config = build_config({**given, "codebook_size": 6})
    _, (train, _, _) = parts(given)
    learned = learn_semantic_ids(config, train.training_items())
    rows = np.column_stack([learned.codes, learned.suffix])
    assert len(np.unique(rows, axis=0)) == 20 and learned.codes.max() < 6
    assert semantic_ids_fingerprint(config, train.training_items()) == learned.fingerprint


def test_cold_items_can_have_a_share_of_the_lists(settings, finished: dict[str, Any]) -> None:
    done = run({**settings, "cold_list_share": 0.2})
    record, plain = (read_arrays(one["run_folder"] / "test_ranks.npz") for one in (done, finished))
    _, (train, _, _) = parts(settings)
    cold = train.cold[record["item"] - 1]
    assert np.array_equal(record["item"], plain["item"]) and not record["missing"].any()
    assert set(record["rank"][cold].tolist()) <= {0, 5, 10} and (record["rank"][cold] > 0).any()
    assert not set(record["rank"][~cold].tolist()) & {5, 10}


def test_without_validation_there_is_nothing_to_tell_of_it(settings: dict[str, Any]) -> None:
    split = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}
    done = run({**settings, "eval_args": split})
    metrics = json.loads((done["run_folder"] / "metrics.json").read_text())
    assert metrics["best_valid_slices"] == {} and metrics["test_slices"]["cold"]["users"] > 0


def test_what_does_not_go_with_cold_items_is_refused(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SettingsError, match="cold_item_share needs a tokenizer .* unset sids_file"):
        build_config({**settings, "sids_file": "bundle"})
    with pytest.raises(SettingsError, match="cold_list_share reserves places for items .* set cold_item_share too"):
        build_config({**settings, "cold_item_share": 0.0, "cold_list_share": 0.1})
    for share in (-0.1, 0.95, "much"):
        with pytest.raises(SettingsError, match="cold_item_share"):
            build_config({**settings, "cold_item_share": share})
    with pytest.raises(SettingsError, match="leaves no training example.*lower cold_item_share"):
        parts({**settings, "cold_item_share": 0.9, "seed": 1})
    with caplog.at_level(logging.INFO):
        parts(settings)
    assert "Held out 6 of 20 items from training" in caplog.text


def test_cold_items_without_a_place_get_a_suffix_of_their_own(settings, caplog: pytest.LogCaptureFixture) -> None:
    _, (train, _, _) = parts(settings)
    crowded = build_config({**settings, "codebook_size": 4, "sid_length": 1, "cold_item_share": 0.9})
    cold = np.arange(20) >= 4
    interactions = InteractionArrays(np.array([0, 1]), np.array([0, 1]))
    items = dataclasses.replace(train.training_items(), cold=cold, interactions=interactions)
    with caplog.at_level(logging.WARNING):
        learned = learn_semantic_ids(crowded, items)
    assert "held-out items got a suffix that no training item has" in caplog.text
    rows = np.column_stack([learned.codes, learned.suffix])
    assert len(np.unique(rows, axis=0)) == 20 and learned.suffix.max() > learned.suffix[~cold].max()


def test_a_subset_refuses_interactions_of_others() -> None:
    class Leaking:
        def training_interactions(self) -> InteractionArrays:
            return InteractionArrays(np.array([1, 2]), np.array([0, 1]))

    with pytest.raises(RuntimeError, match="contain held-out items"):
        ItemSubset(Leaking(), np.array([True, False])).training_interactions()  # type: ignore[arg-type]
    assert ItemSubset(Leaking(), np.array([True, True])).training_interactions()[1].tolist() == [0, 1]  # type: ignore[arg-type]
