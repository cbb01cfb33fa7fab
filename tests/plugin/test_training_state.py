"""TIGER's training, killed and started again."""

from __future__ import annotations

import functools
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import read_tensors
from recbole_adasid.plugin import train
from recbole_adasid.plugin.config.run_settings import training_key
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.plugin.training_state import restore_random_state, training_state
from recbole_adasid.run_folder.model_file import read_model

Settings = dict[str, object]


LONGER: Settings = {"epochs": 4, "eval_step": 2, "dropout": 0.2}


@pytest.fixture
def settings(tiny_settings: Settings, tmp_path: Path) -> Settings:
    return {**tiny_settings, **LONGER, "run_folder": str(tmp_path / "run")}


@pytest.fixture(scope="module")
def undisturbed(
    settings_in: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """A function that gives what a run gives that nothing interrupts, by its optimiser."""

    @functools.cache
    def whole(learner: str) -> dict[str, Any]:
        base = tmp_path_factory.mktemp("whole")
        return run({**settings_in(base), **LONGER, "learner": learner, "run_folder": str(base / "run")})

    return whole


def killed_in_epoch(number: int, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until the middle of an epoch and die there."""
    train = TIGERTrainer._train_epoch

    def dying(self: TIGERTrainer, data: object, epoch: int, **kwargs: object) -> float:
        loss = train(self, data, epoch, **kwargs)  # type: ignore[arg-type]
        if epoch == number:
            raise KeyboardInterrupt
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(TIGERTrainer, "_train_epoch", dying)
        with pytest.raises(KeyboardInterrupt):
            run(settings)


def weights(settings: Settings) -> dict[str, torch.Tensor]:
    return read_model(Path(str(settings["run_folder"])) / "model.safetensors").tensors


@pytest.mark.parametrize(("learner", "epoch"), [("adamw", 0), ("adamw", 3), ("adagrad", 1)])
def test_a_killed_run_ends_bit_for_bit_as_an_undisturbed_one(
    learner: str,
    epoch: int,
    settings: Settings,
    undisturbed: Callable[[str], dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings["learner"] = learner
    whole = undisturbed(learner)
    killed_in_epoch(epoch, settings, monkeypatch)
    kept = tmp_path / "run" / "training.safetensors"
    assert kept.exists() == (epoch > 0)
    if epoch == 3:  # the file sorts names, and metrics keep their order
        stored = read_tensors(kept, "tiger-training")[1]["best_valid_result"]
        assert [name for name, _ in stored] == list(whole["best_valid"]) != sorted(whole["best_valid"])
    again = run(settings)
    assert again["test"] == whole["test"] and again["best_valid"] == whole["best_valid"]
    for name in ("metrics.json", "history.json"):
        one, two = (read_json(Path(done["run_folder"]) / name) for done in (whole, again))
        assert {**one, "stages": None} == {**two, "stages": None}
    expected = weights(whole)
    for name, value in weights(settings).items():
        assert value.equal(expected[name]), name
    assert not kept.exists()


def test_an_early_stop_is_remembered(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings |= {"epochs": 30, "eval_step": 1, "stopping_step": 1}
    scores = iter([0.5, 0.4, 0.3])  # there is no fourth epoch
    with monkeypatch.context() as patch:
        patch.setattr(TIGERTrainer, "_valid_epoch", lambda *_, **__: (next(scores), {"ndcg@10": 0.0}))
        patch.setattr(TIGERTrainer, "evaluate", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(settings)
    assert read_tensors(tmp_path / "run" / "training.safetensors", "tiger-training")[1]["next_epoch"] == 30
    monkeypatch.setattr(TIGERTrainer, "_train_epoch", lambda *_, **__: pytest.fail("it had ended"))
    assert run(settings)["test"]


def test_other_settings_start_from_the_beginning_and_say_so(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed_in_epoch(2, settings, monkeypatch)
    changed = {**settings, "epochs": 3}
    with caplog.at_level(logging.WARNING):
        found = run(changed)
    assert "other settings or data" in caplog.text
    assert found["test"] == run({**changed, "run_folder": str(tmp_path / "fresh")})["test"]


def test_corrected_validation_data_starts_from_the_beginning(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Epochs are compared by their validations: all of them have to be on the same items."""
    settings["data_path"] = str(shutil.copytree(str(settings["data_path"]), tmp_path / "data"))
    killed_in_epoch(2, settings, monkeypatch)
    path = tmp_path / "data" / "tiny" / "tiny.inter"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    last = {user: row for row, (user, *_) in enumerate(rows)}
    for row in list(last.values())[1:6]:  # the last two of a user change their times: one is for the test
        rows[row][2], rows[row - 1][2] = rows[row - 1][2], rows[row][2]
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        found = run(settings)
    assert "other settings or data" in caplog.text
    whole = run({**settings, "run_folder": str(tmp_path / "fresh")})
    assert found["best_valid"] == whole["best_valid"] and found["test"] == whole["test"]


def test_an_unfinished_run_of_an_earlier_version_resumes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its key does not tell what epochs were compared on."""
    with monkeypatch.context() as patch:
        patch.setattr(train, "training_key", lambda *about: training_key(*about[:3]))
        killed_in_epoch(2, settings, monkeypatch)
    with caplog.at_level(logging.INFO):
        run(settings)
    assert "Resuming training after 2 epochs" in caplog.text


@pytest.mark.parametrize(("mode", "counts"), [("full", False), ("uni5", False), ("pop5", True)])
def test_other_test_items_matter_to_the_validation_if_candidates_are_drawn_by_popularity(
    mode: str, counts: bool
) -> None:
    def digest(*targets: list[int]) -> str:
        parts = [{"user": torch.arange(2), "item": torch.tensor(items)} for items in targets]
        fields = {"uid_field": "user", "iid_field": "item"}
        named = {name: SimpleNamespace(inter_feat=rows, **fields) for name, rows in zip(("valid", "test"), parts)}
        return train.validation_digest({"eval_args": {"mode": {"valid": mode, "test": "pop9"}}}, named)

    assert digest([1, 2], [3, 4]) != digest([1, 3], [3, 4])
    assert (digest([1, 2], [3, 4]) != digest([1, 2], [3, 5])) is counts


def test_ctrl_c_says_how_to_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        killed_in_epoch(1, settings, monkeypatch)
    assert f"--run_folder={settings['run_folder']}" in caplog.text


def test_a_killed_run_draws_the_same_candidates_as_an_undisturbed_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni5"}
    settings |= {"eval_args": mode, "epochs": 3, "eval_step": 1}
    whole = run({**settings, "run_folder": str(tmp_path / "whole")})
    killed_in_epoch(2, settings, monkeypatch)
    again = run(settings)
    assert again["test"] == whole["test"] and again["best_valid"] == whole["best_valid"]


def test_processes_that_make_batches_draw_the_same_candidates(settings: Settings, tmp_path: Path) -> None:
    mode = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni5"}
    settings |= {"eval_args": mode, "epochs": 1, "eval_step": 1}
    alone, helped = (run({**settings, "worker": n, "run_folder": str(tmp_path / f"{n}")}) for n in (0, 2))
    assert helped["test"] == alone["test"] and helped["best_valid"] == alone["best_valid"]


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """The numbers of GPUs whose random state was set, and to what."""
    found: dict[int, int] = {}
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, gpu: found.update({gpu: int(state)}))
    return found


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_the_trainer_s_gpu_gets_the_random_state(device: str, number: int, restored: dict[int, int]) -> None:
    restore_random_state({"random/cuda": torch.tensor(7)}, torch.device(device))
    assert restored == {number: 7}


def test_a_run_of_an_earlier_version_goes_on_where_there_are_fewer_gpus(restored: dict[int, int]) -> None:
    states = {f"random/cuda/{gpu}": torch.tensor(gpu) for gpu in range(2)}
    restore_random_state(states, torch.device("cuda:1"))
    restore_random_state(states, torch.device("cuda:3"))
    assert restored == {1: 1}


def test_a_trainer_on_the_cpu_touches_no_gpu(monkeypatch: pytest.MonkeyPatch, restored: dict[int, int]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("get_rng_state", "get_rng_state_all"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: pytest.fail("it opens a GPU"))
    model = torch.nn.Linear(2, 2)
    values = {"best_valid_record": {}, "best_valid_score": 0.0, "best_valid_result": None, "valid_results": {}}
    values |= {"cur_step": 0, "train_loss_dict": {}, "device": torch.device("cpu"), "model": model}
    trainer = SimpleNamespace(**values, optimizer=torch.optim.AdamW(model.parameters()))
    tensors, _ = training_state(trainer)
    restore_random_state({**tensors, "random/cuda": torch.tensor(0)}, trainer.device)
    assert "random/cpu" in tensors and not restored
