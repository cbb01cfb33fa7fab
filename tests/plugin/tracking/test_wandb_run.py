"""Runs in Weights & Biases."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recbole_adasid.plugin.tracking.trackers import TRACKERS


class FakeWandb(ModuleType):
    """The parts of wandb that are used."""

    id = "abc"

    def __init__(self, run: Any = None) -> None:
        super().__init__("wandb")
        self.run, self.calls = run, []

    def init(self, **given: Any) -> FakeWandb:
        self.calls.append(("init", given))
        self.id = given.get("id", "abc")
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


def test_a_known_wandb_run_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    recorder = TRACKERS["log_wandb"](SETTINGS, Path("runs/one"), "known")
    ((_, given),) = fake.calls
    assert given["id"] == "known" and given["resume"] == "allow" and recorder.run_id == "known"


def test_a_wandb_run_of_the_user_s_is_continued_and_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb(run=theirs))
    recorder = TRACKERS["log_wandb"](SETTINGS, Path("runs/one"))
    recorder.add_scalar("train/loss", 1.0, 0)
    recorder.finish(False)
    assert recorder.run_id is None  # not to be continued by a later job
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
