"""Runs in MLflow."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recbole_adasid.plugin.tracking import mlflow_run
from recbole_adasid.plugin.tracking.trackers import TRACKERS

Settings = dict[str, Any]


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


def test_a_known_mlflow_run_goes_on_unless_it_was_deleted(mlflow_folder: Settings) -> None:
    from mlflow import MlflowClient

    first = TRACKERS["log_mlflow"](mlflow_folder, Path("runs/one"))
    first.add_scalar("train/loss", 2.0, 0)
    first.finish(True)
    client = MlflowClient(tracking_uri=mlflow_folder["mlflow_tracking_uri"])
    again = TRACKERS["log_mlflow"]({**mlflow_folder, "epochs": 3}, Path("runs/one"), first.run_id)
    assert again.run_id == first.run_id and client.get_run(first.run_id).info.status == "RUNNING"
    again.add_scalar("train/loss", 1.0, 1)
    again.finish(False)
    assert [one.value for one in client.get_metric_history(first.run_id, "train/loss")] == [2.0, 1.0]
    assert client.get_run(first.run_id).info.status == "FINISHED"
    with pytest.raises(ValueError, match="it is not in the experiment other"):
        TRACKERS["log_mlflow"]({**mlflow_folder, "mlflow_experiment": "other"}, Path("runs/one"), first.run_id)
    client.delete_run(first.run_id)
    with pytest.raises(Exception, match="active"):
        TRACKERS["log_mlflow"](mlflow_folder, Path("runs/one"), first.run_id)


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
    # In that module alone: a server of other tests would never wake again.
    monkeypatch.setattr(mlflow_run, "time", SimpleNamespace(monotonic=lambda: 1e12, time=time.time))
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
