"""Trackers get what TensorBoard gets, and their failure never stops a run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.tracking.trackers import TRACKERS, TRACKING, tracked
from recbole_adasid.settings.errors import SettingsError

Settings = dict[str, Any]


class Recorder:
    """A tracker that records into a list."""

    title, package, remedy = "The recorder", "json", "repair it"
    made: list[Recorder] = []
    broken_at = ""

    def __init__(self, settings: Any, folder: Path | None) -> None:
        self.settings, self.folder, self.ended = settings, folder, []
        self.scalars: list[tuple[str, int, float]] = []
        if self.broken_at == "start":
            raise OSError("no route\nto host")
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


class FakeWandb(ModuleType):
    """The parts of wandb that are used."""

    def __init__(self, run: Any = None) -> None:
        super().__init__("wandb")
        self.run, self.calls = run, []

    def init(self, **given: Any) -> FakeWandb:
        self.calls.append(("init", given))
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        self.calls.append(("define_metric", name, step_metric))

    def log(self, values: dict[str, Any]) -> None:
        self.calls.append(("log", values))

    def finish(self, exit_code: int) -> None:
        self.calls.append(("finish", exit_code))


SETTINGS = {"wandb_project": "shop", "epochs": 2}


def test_wandb_is_given_names_and_steps_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    recorder = TRACKERS["log_wandb"](SETTINGS, Path("runs/one"))
    for step in (50, 100):
        recorder.add_scalar("tokenizer/loss", 0.5, step)
    recorder.add_scalar("valid/ndcg@10", 0.25, 0)
    recorder.finish(True)
    assert fake.calls == [
        (
            "init",
            {
                **{"project": "shop", "config": SETTINGS},
                **{"dir": "runs/one", "name": "one"},
            },
        ),
        ("define_metric", "tokenizer/loss", "tokenizer_step"),
        ("log", {"tokenizer/loss": 0.5, "tokenizer_step": 50}),
        ("log", {"tokenizer/loss": 0.5, "tokenizer_step": 100}),
        ("define_metric", "valid/ndcg@10", "epoch"),
        ("log", {"valid/ndcg@10": 0.25, "epoch": 0}),
        ("finish", 1),
    ]


def test_a_wandb_run_of_the_user_s_is_continued_and_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb(run=theirs))
    recorder = TRACKERS["log_wandb"](SETTINGS, Path("runs/one"))
    recorder.add_scalar("train/loss", 1.0, 0)
    recorder.finish(False)
    assert [call[0] for call in theirs.calls] == ["define_metric", "log"]


def test_wandb_itself_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    recorder = TRACKERS["log_wandb"](SETTINGS, tmp_path)
    theirs = wandb.run
    recorder.add_scalar("tokenizer/loss", 2.0, 50)
    for epoch in range(2):
        recorder.add_scalar("valid/ndcg@10", 0.25 + epoch, epoch)
    assert dict(theirs.config) == SETTINGS
    kept = {"tokenizer/loss": 2.0, "tokenizer_step": 50, "valid/ndcg@10": 1.25, "epoch": 1}
    assert kept.items() <= dict(theirs.summary).items()
    recorder.finish(False)
    assert wandb.run is None and list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))


@pytest.fixture
def mlflow_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name a local folder for MLflow."""
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return {
        "mlflow_tracking_uri": str(tmp_path / "mlruns"),
        "mlflow_experiment": "shop",
        "epochs": 2,
        "long": "x" * 9000,
    }


def test_mlflow_itself_in_a_local_folder(mlflow_folder: Settings) -> None:
    from mlflow import MlflowClient

    for failed in (False, True):
        recorder = TRACKERS["log_mlflow"](mlflow_folder, Path("runs/one"))
        for epoch in range(3):
            recorder.add_scalar("valid/ndcg@10", 0.25 + epoch, epoch)
        recorder.add_scalar("tokenizer/loss", float("nan"), 50)
        recorder.finish(failed)
    client = MlflowClient(tracking_uri=mlflow_folder["mlflow_tracking_uri"])
    found = client.search_runs([client.get_experiment_by_name("shop").experiment_id])
    assert sorted(one.info.status for one in found) == ["FAILED", "FINISHED"]
    assert {one.info.run_name for one in found} == {"one"}
    history = client.get_metric_history(found[0].info.run_id, "valid/ndcg_at_10")
    assert sorted((one.step, one.value) for one in history) == [(0, 0.25), (1, 1.25), (2, 2.25)]
    given = {key: str(value)[:6000] for key, value in mlflow_folder.items()}
    assert found[0].data.params == given and len(given["long"]) == 6000


def test_values_for_mlflow_wait_for_others_but_not_for_long(
    mlflow_folder: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    sent: list[int] = []
    real = MlflowClient.log_batch
    monkeypatch.setattr(
        MlflowClient,
        "log_batch",
        lambda self, run_id, metrics=(), params=(): sent.append(len(metrics)) or real(self, run_id, metrics, params),
    )
    recorder = TRACKERS["log_mlflow"](mlflow_folder, None)
    sent.clear()
    for step in range(501):
        recorder.add_scalar("tokenizer/loss", 1.0, step)
    assert sent == [500]
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    recorder.add_scalar("tokenizer/loss", 1.0, 501)
    assert sent == [500, 2]
    recorder.finish(False)
    assert sent == [500, 2]


def test_an_mlflow_run_of_the_user_s_is_continued_and_not_ended(mlflow_folder: Settings) -> None:
    import mlflow

    mlflow.set_tracking_uri(mlflow_folder["mlflow_tracking_uri"])
    try:
        with mlflow.start_run() as theirs:
            recorder = TRACKERS["log_mlflow"]({**mlflow_folder, "mlflow_tracking_uri": None}, Path("runs/one"))
            recorder.add_scalar("test/recall@10", 0.5, 3)
            recorder.finish(False)
            assert mlflow.active_run().info.status == "RUNNING"
            found = mlflow.get_run(theirs.info.run_id)
            assert found.data.metrics == {"test/recall_at_10": 0.5} and not found.data.params
    finally:
        mlflow.set_tracking_uri(None)
