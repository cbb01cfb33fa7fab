"""Trackers get what TensorBoard gets, and their failure never stops a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.tracking.trackers import TRACKERS, TRACKING, tracked
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.settings.errors import SettingsError

Settings = dict[str, Any]


class Recorder:
    """A tracker that records into a list."""

    title, package, remedy = "The recorder", "json", "repair it"
    made: list[Recorder] = []
    broken_at = ""

    def __init__(self, settings: Any, folder: Path | None, known: str | None = None) -> None:
        self.settings, self.folder, self.ended = settings, folder, []
        self.scalars: list[tuple[str, int, float]] = []
        if self.broken_at == "start" or known and self.broken_at == known:
            raise OSError("no route\nto host")
        self.run_id = known or f"run-{len(self.made)}"
        self.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        if self.broken_at == name:
            raise OSError("no route to host")
        self.scalars.append((name, step, value))

    def finish(self, failed: bool) -> None:
        self.ended.append(failed)
        if self.broken_at == "end":
            raise OSError("no route to host")


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Recorder]]:
    """The recorders created during the test, which `log_wandb` enables."""
    monkeypatch.setitem(TRACKERS, "log_wandb", Recorder)
    monkeypatch.setattr(Recorder, "made", [])
    monkeypatch.setattr(Recorder, "broken_at", "")
    yield Recorder.made
    TRACKING.end()


def of_tensorboard(folder: Path) -> list[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = []
    for file in folder.iterdir():
        events = EventAccumulator(str(file)).Reload()
        found += [(tag, one.step, one.value) for tag in events.Tags()["scalars"] for one in events.Scalars(tag)]
    return sorted(found)


def test_a_tracker_gets_the_scalars_of_tensorboard(tiny_settings: Settings, recorders: list[Recorder]) -> None:
    settings = {**tiny_settings, "tokenizer": "adasid", "tokenizer_steps": 20, "tokenizer_log_every": 5}
    done = run({**settings, "encoder_hidden": [16], "log_wandb": True, "report": False})
    (recorder,) = recorders
    expected = of_tensorboard(done["run_folder"] / "tensorboard")
    assert [one[:2] for one in sorted(recorder.scalars)] == [one[:2] for one in expected]
    assert [one[2] for one in sorted(recorder.scalars)] == pytest.approx([one[2] for one in expected])
    heads = {name.partition("/")[0] for name, _, _ in recorder.scalars}
    assert heads == {"tokenizer", "train", "valid", "test"}
    assert {name: value for name, _, value in recorder.scalars if name.startswith("test/")} == {
        f"test/{name}": value for name, value in done["test"].items()
    }
    assert recorder.ended == [False] and recorder.folder == done["run_folder"]
    assert recorder.settings["epochs"] == 2 and json.dumps(recorder.settings)


def test_recbole_s_recommenders_are_recorded_alike(tiny_settings: Settings, recorders: list[Recorder]) -> None:
    kept = ("dataset", "data_path", "run_root", "show_progress")
    own = {key: tiny_settings[key] for key in kept}
    done = run({**own, "model": "BPR", "epochs": 2, "log_wandb": True})
    (recorder,) = recorders
    found = {(name, step) for name, step, _ in recorder.scalars}
    for name in ("train/loss", "valid/ndcg@10"):
        assert {(name, 0), (name, 1)} <= found
    assert ("test/recall@10", 1) in found and recorder.ended == [False]
    kept_by_tensorboard = {one[:2] for one in of_tensorboard(done["run_folder"] / "tensorboard")}
    assert found == kept_by_tensorboard - {("hparam/best_valid_result", 0)}


def test_recbole_s_own_command_records_too_each_job_by_itself(
    tiny_settings: Settings, recorders: list[Recorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_trainer

    from recbole_adasid.plugin.tiger import TIGER

    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        config = build_config({**tiny_settings, "epochs": 1, "log_wandb": True})
        train, valid, _ = data_preparation(config, create_dataset(config))
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, TIGER(config, train._dataset))
        trainer.fit(train, valid, saved=False)
    assert [recorder.ended for recorder in recorders] == [[False], []]
    names = [{name for name, _, _ in recorder.scalars} for recorder in recorders]
    assert names[0] == names[1] and {"train/loss", "valid/ndcg@10"} <= names[0]


def test_a_tracker_that_fails_is_left_out_and_the_run_goes_on(
    tiny_settings: Settings, recorders: list[Recorder], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(Recorder, "broken_at", "train/loss")
    config = build_config({**tiny_settings, "log_wandb": True})
    with caplog.at_level(logging.WARNING), tracked(config, Path("run")):
        for step in range(3):
            TRACKING.add_scalar("tokenizer/loss", 1.0, step)
            TRACKING.add_scalar("train/loss", 1.0, step)
    assert recorders[0].scalars == [("tokenizer/loss", 0, 1.0)]
    assert caplog.text.count("The recorder stopped recording (no route to host); the run continues") == 1
    monkeypatch.setattr(Recorder, "broken_at", "end")
    with tracked(config, Path("run")):
        pass
    assert "The recorder could not finish recording (no route to host)" in caplog.text


def test_a_failed_run_is_recorded_as_failed(tiny_settings: Settings, recorders: list[Recorder]) -> None:
    config = build_config({**tiny_settings, "log_wandb": True})
    with pytest.raises(KeyboardInterrupt), tracked(config, Path("run")):
        raise KeyboardInterrupt
    TRACKING.add_scalar("train/loss", 1.0, 0)
    assert recorders[0].ended == [True] and recorders[0].scalars == []


@pytest.fixture
def stopped(tiny_settings: Settings, recorders: list[Recorder], tmp_path: Path) -> tuple[Settings, Any]:
    """Settings of a run, and a function that runs it until an epoch's training is over."""
    settings = {**tiny_settings, "epochs": 3, "log_wandb": True, "run_folder": str(tmp_path / "run")}

    def stop(epoch: int, **changes: Any) -> None:
        train = TIGERTrainer._train_epoch

        def stopping(self: TIGERTrainer, data: Any, number: int, **given: Any) -> float:
            if number == epoch:
                raise KeyboardInterrupt
            return train(self, data, number, **given)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(TIGERTrainer, "_train_epoch", stopping)
            run({**settings, **changes})

    return settings, stop


def test_a_training_that_resumes_is_recorded_in_the_same_run(
    stopped: tuple[Settings, Any], recorders: list[Recorder]
) -> None:
    settings, stop = stopped
    stop(0)  # nothing to resume
    stop(1)
    stop(2)
    done = run(settings)
    assert [one.run_id for one in recorders] == ["run-0", *["run-1"] * 3]
    found = sorted((name, step) for one in recorders[1:] for name, step, _ in one.scalars)
    assert [one[:2] for one in found if one[0] == "train/loss"] == [("train/loss", epoch) for epoch in range(3)]
    assert not (done["run_folder"] / "tracking.json").exists()
    run(settings)
    assert recorders[-1].run_id == "run-4"


@pytest.mark.parametrize("content", ["", "[]", '{"runs": 1}', '{"training": "x", "runs": {"log_wandb": "run-0"}}'])
def test_a_new_run_is_recorded_unless_the_known_one_fits(
    content: str, stopped: tuple[Settings, Any], recorders: list[Recorder]
) -> None:
    settings, stop = stopped
    stop(1)
    (Path(settings["run_folder"]) / "tracking.json").write_text(content)
    stop(2)
    stop(0, learning_rate=0.5)  # starts over
    assert [one.run_id for one in recorders] == ["run-0", "run-1", "run-2"]


def test_a_known_run_that_cannot_be_continued_is_followed_by_a_new_one(
    stopped: tuple[Settings, Any],
    recorders: list[Recorder],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings, stop = stopped
    stop(1)
    monkeypatch.setattr(Recorder, "broken_at", "run-0")
    run(settings)
    assert [one.run_id for one in recorders] == ["run-0", "run-1"]
    assert "cannot continue its run run-0 (no route to host), so a new one is started" in caplog.text


def test_a_tracker_that_cannot_start_ends_the_run_before_it_begins(
    tiny_settings: Settings, recorders: list[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "broken_at", "start")
    message = r"log_wandb=True, but The recorder cannot start \(no route to host\): repair it\."
    with pytest.raises(SettingsError, match=message):
        run({**tiny_settings, "log_wandb": True})
    assert not Path(tiny_settings["cache_dir"]).exists()


@pytest.mark.parametrize(("key", "package"), [("log_wandb", "wandb"), ("log_mlflow", "mlflow")])
def test_a_missing_package_is_named_with_its_extra(
    key: str, package: str, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        rf"{key}=True needs {package}, which is missing: pip install 'recbole-adasid\[{package}\]', or unset {key}"
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for model in ("TIGER", "BPR"):
        own = tiny_settings if model == "TIGER" else {"dataset": "ml-100k"}
        with pytest.raises(SettingsError, match=message):
            build_config({**own, "model": model, key: True}, peers=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: ModuleSpec(name, None))  # a folder of that name
    with pytest.raises(SettingsError, match=message):
        build_config({**tiny_settings, key: True})


@pytest.mark.parametrize("address", ["postgresql://me:secret@host/db", "https://token@host", "https://[host"])
def test_a_password_is_not_stored_with_a_run(address: str, tiny_settings: Settings) -> None:
    with pytest.raises(SettingsError, match="address without user name or password.*set MLFLOW_TRACKING_URI instead"):
        build_config({**tiny_settings, "mlflow_tracking_uri": address})
    for fine in ("sqlite:///mlflow.db", "mlruns", "http://127.0.0.1:5000", None):
        assert build_config({**tiny_settings, "mlflow_tracking_uri": fine})["mlflow_tracking_uri"] == fine
