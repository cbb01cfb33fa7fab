"""A folder of an earlier run: what stays in it, and what a run in the same folder replaces."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from recbole_adasid.io.tensor_file import write_tensors
from recbole_adasid.plugin.output.earlier_run import take_over, write_first_settings
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.plugin.training_state import KIND
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.run_items import read_sids
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.errors import SettingsError

Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings, tmp_path: Path) -> Settings:
    return {**tiny_settings, "epochs": 1, "run_folder": str(tmp_path / "run")}


def contents(folder: Path) -> dict[str, bytes]:
    logs = ("run.log", ".lock")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name not in logs}


def with_a_new_item(folder: Path) -> None:
    recommender = Recommender.load(folder)
    recommender.add_items(["new"], table={"item_id": ["new"], "title": ["the red thing number 21"]})
    recommender.save()


@pytest.mark.parametrize(
    "wrong", [{"item_features_file": "absent.npz"}, {"model": "SASRec"}, {"user_inter_num_interval": "[99,inf)"}]
)
def test_a_job_that_fails_leaves_a_finished_run_as_it_was(settings: Settings, wrong: Settings) -> None:
    folder = run(settings)["run_folder"]
    before = contents(folder)
    chosen = {key: settings[key] for key in ("dataset", "data_path", "run_folder")} if "model" in wrong else settings
    with pytest.raises((SettingsError, FileNotFoundError)):
        run({**chosen, **wrong})
    assert contents(folder) == before


def test_a_model_that_could_not_be_read_again_replaces_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(settings)["run_folder"]
    before = contents(folder)

    def refused(trainer: TIGERTrainer) -> None:
        raise SettingsError("nothing was trained")

    monkeypatch.setattr(TIGERTrainer, "check_before_training", refused)
    with pytest.raises(SettingsError):
        run({**settings, "learning_rate": 0.01})
    assert contents(folder) == before


def test_another_recommender_needs_a_folder_of_its_own(settings: Settings) -> None:
    run(settings)
    with pytest.raises(SettingsError, match="holds a run of TIGER.*choose another run_folder"):
        run({**settings, "model": "LIGER"})


def test_added_items_stay_as_long_as_the_semantic_ids_do(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    folder = run(settings)["run_folder"]
    with_a_new_item(folder)
    run({**settings, "learning_rate": 0.01})
    assert Recommender.load(folder).tokens[-1] == "new"
    with caplog.at_level(logging.WARNING):
        run({**settings, "codebook_size": 5})
    assert len(Recommender.load(folder).tokens) == 20
    assert "earlier-new-items.safetensors" in caplog.text and "add or remove them again" in caplog.text
    assert (folder / "earlier-new-items.safetensors").is_file() and not RunFolder(folder).changes_path.exists()


def test_items_set_aside_do_not_replace_earlier_ones(settings: Settings) -> None:
    folder = RunFolder(run(settings)["run_folder"])
    for number, name in enumerate(["earlier-new-items", "earlier-new-items-2"], start=5):
        with_a_new_item(folder.path)
        added = folder.changes_path.read_bytes()
        run({**settings, "codebook_size": number})
        assert (folder.path / f"{name}.safetensors").read_bytes() == added


def test_added_items_stay_with_liger_as_long_as_its_features_are_of_one_kind(settings: Settings) -> None:
    settings = {**settings, "model": "LIGER"}
    folder = RunFolder(run(settings)["run_folder"])
    with_a_new_item(folder.path)
    run({**settings, "epochs": 2})
    assert folder.changes_path.is_file()
    before = yaml.safe_load(folder.config_path.read_text())
    config = {**before, "text_template": "An item: {title}"}
    items, codes = read_sids(folder.sids_path)
    take_over(folder, config, (items, codes), reads_features=True)
    assert not folder.changes_path.exists()


def test_an_earlier_model_is_not_served_with_the_settings_of_a_run_that_was_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(settings)["run_folder"]

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TIGERTrainer, "_train_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        run({**settings, "n_encoder_layers": 2})
    with pytest.raises(FileNotFoundError):
        Recommender.load(folder)


def test_results_of_a_run_do_not_stay_beside_a_model_that_is_trained_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**settings, "epochs": 2}
    folder = run(settings)["run_folder"]
    (folder / "report.html").touch()
    before, trained, last = contents(folder), TIGERTrainer._train_epoch, 0
    results = {"metrics.json", "history.json", "test_ranks.npz", "evaluation.json", "evaluation.md", "report.html"}
    assert results < before.keys()

    def stopped(trainer: Any, train_data: Any, epoch_idx: int, **given: Any) -> float:
        if epoch_idx == last:
            raise KeyboardInterrupt
        return trained(trainer, train_data, epoch_idx, **given)

    monkeypatch.setattr(TIGERTrainer, "_train_epoch", stopped)
    for last in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            run(settings)
        left = contents(folder)
        assert not results & left.keys() and Recommender.load(folder).tokens
        assert (left["model.safetensors"] == before["model.safetensors"]) is (last == 0)
    monkeypatch.undo()
    run(settings)  # resumed
    assert contents(folder)["test_ranks.npz"] == before["test_ranks.npz"] and Recommender.load(folder).tokens


def test_the_settings_of_a_model_that_was_not_replaced_yet_stay_until_then(settings: Settings) -> None:
    folder = RunFolder(run(settings)["run_folder"])
    with_a_new_item(folder.path)
    before, known = folder.config_path.read_bytes(), read_sids(folder.sids_path)
    folder.metrics_path.unlink()  # as when it is trained again
    for name in ("a first", "a second"):
        config = {**yaml.safe_load(before), "text_template": f"{name} {{title}}"}
        write_first_settings(folder, config)
        assert folder.config_path.read_bytes() == before
    write_tensors(folder.training_path, KIND, {}, {"key": "its own"})
    take_over(folder, config, known, reads_features=True, keys=("its own", "former"))
    assert folder.model_path.exists() and not folder.changes_path.exists()  # the training may be resumed
    folder.config_path.write_bytes(before)
    take_over(folder, config, known, keys=("another",))
    assert not folder.model_path.exists() and folder.has_config(config)


def test_nothing_of_a_run_that_was_stopped_stays_beside_another_s_settings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**settings, "epochs": 2}
    trained, last = TIGERTrainer._train_epoch, 1

    def stopped(trainer: Any, train_data: Any, epoch_idx: int, **given: Any) -> float:
        if epoch_idx == last:
            raise KeyboardInterrupt
        return trained(trainer, train_data, epoch_idx, **given)

    monkeypatch.setattr(TIGERTrainer, "_train_epoch", stopped)
    folder = RunFolder(settings["run_folder"])
    with pytest.raises(KeyboardInterrupt):
        run(settings)
    (folder.path / "evaluation.md").touch()
    assert folder.model_path.is_file() and folder.training_path.is_file()
    last = 0
    with pytest.raises(KeyboardInterrupt):
        run({**settings, "learning_rate": 0.01})
    assert not {"model.safetensors", "training.safetensors", "evaluation.md"} & contents(folder.path).keys()
    monkeypatch.undo()
    run(settings)  # from the beginning, as its best model is gone
    assert json.loads(folder.metrics_path.read_text())["test"] and Recommender.load(folder.path).tokens


def test_results_of_an_earlier_run_do_not_stay_beside_another_s(settings: Settings) -> None:
    folder = run({**settings, "report": True})["run_folder"]
    assert {"test_ranks.npz", "evaluation.json", "evaluation.md", "report.html"} <= contents(folder).keys()
    split = {"split": {"LS": "valid_only"}, "group_by": "user", "order": "TO", "mode": "full"}
    run({**settings, "eval_args": split})
    left = {"test_ranks.npz", "evaluation.json", "evaluation.md", "report.html", "examples.json"}
    assert not left & contents(folder).keys()
