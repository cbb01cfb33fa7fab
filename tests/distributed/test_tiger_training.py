"""TIGER trained and evaluated by several ranks is the one that one process trains and evaluates."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.run_folder.model_file import read_model

Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings) -> Settings:
    # 110 examples in batches of 27: four rows of 2 ranks, and a last batch of two rows for 3.
    batches = {"train_batch_size": 27, "eval_batch_size": 7, "epochs": 3}
    return {**tiny_settings, **batches, "bf16": False, "dropout": 0.0, "report": False}


def watched(settings: Settings, dies: tuple[int, int] | None = None) -> dict[str, Any]:
    """Run and return metrics, weights and the loss of every step; with ``dies`` (rank, epoch) a rank is killed."""
    losses: list[float] = []
    step, train = TIGERTrainer._step, TIGERTrainer._train_epoch

    def noting(self: TIGERTrainer, *arguments: Any) -> torch.Tensor:
        losses.append(float(loss := step(self, *arguments)))
        return loss

    def dying(self: TIGERTrainer, data: Any, epoch: int, **options: Any) -> float:
        found = train(self, data, epoch, **options)
        if dies == (int(os.environ.get("RANK", "0")), epoch):
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    TIGERTrainer._step, TIGERTrainer._train_epoch = noting, dying  # type: ignore[method-assign, assignment]
    try:
        done = run(settings)
    finally:
        TIGERTrainer._step, TIGERTrainer._train_epoch = step, train  # type: ignore[method-assign]
    codes = torch.from_numpy(done["semantic_ids"].codes)
    return {"losses": losses, "valid": dict(done["best_valid"]), "test": dict(done["test"]), "codes": codes}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors = read_model(folder / "model.safetensors").tensors
    return {name: value for name, value in tensors.items() if name.startswith("model/")}


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for step, loss in enumerate(expected["losses"]):
        # Rounding grows: a step's is in the next one's parameters.
        assert found["losses"][step] == pytest.approx(loss, rel=1e-5 if step < 5 else 1e-3), step
    assert len(found["losses"]) == len(expected["losses"])
    assert found["codes"].equal(expected["codes"])
    assert (found["valid"], found["test"]) == (expected["valid"], expected["test"])


CASES = {
    "a last batch of one user and one example": {"train_batch_size": 109, "eval_batch_size": 29},
    "sampled items": {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni5"}},
    "user tokens, shared Semantic IDs": {"n_user_tokens": 7, "collision": "shared", "clip_grad_norm": None},
    "one example a position": {"encoder_attention": "bidirectional", "encoder_input": "tokens"},
    "LIGER": {"model": "LIGER", "id_dropout": 0.0},
    "early stopping": {"epochs": 12, "eval_step": 1, "stopping_step": 1, "learning_rate": 0.015},
}


@pytest.mark.parametrize("case", CASES)
def test_every_step_and_every_metric_is_that_of_one_process(case, ranks, settings, tmp_path):
    settings |= {"epochs": 2, **CASES[case]}
    alone = watched({**settings, "run_folder": str(tmp_path / "alone")})
    size = 3 if case == "a last batch of one user and one example" else 2
    together = ranks(watched, size, {**settings, "run_folder": str(tmp_path / "together")}).results()
    for one in together:
        assert_same(one, alone)
    for name, value in weights(tmp_path / "alone").items():
        torch.testing.assert_close(weights(tmp_path / "together")[name], value, rtol=1e-3, atol=1e-5)
    if case == "early stopping":
        assert len(alone["losses"]) < 12 * 5


def test_the_run_folder_is_that_of_one_process(ranks, settings, tmp_path):
    settings |= {"tokenizer": "adasid", "tokenizer_steps": 12, "encoder_hidden": [16], "tokenizer_bf16": False}
    settings |= {"tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 3}
    folders = [tmp_path / "alone", tmp_path / "together"]
    alone = watched({**settings, "run_folder": str(folders[0]), "cache_dir": str(tmp_path / "own")})
    together = {**settings, "run_folder": str(folders[1]), "cache_dir": str(tmp_path / "theirs")}
    assert_same(ranks(watched, 2, together).results()[1], alone)
    files = [{str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} for folder in folders]
    named = [{name for name in names if not name.startswith("tensorboard")} for names in files]
    assert named[0] == named[1]
    assert len(files[1]) == len(files[0])  # one rank alone writes scalars
    for name in ("sids.json", "test_ranks.npz", "evaluation.md", "config.yaml"):
        own, theirs = ((folder / name).read_text(encoding="latin-1") for folder in folders)
        own = own.replace("gpu_id: '0'\n", "")  # the default of one process; several take all GPUs
        assert own.replace(str(tmp_path / "own"), str(tmp_path / "theirs")) == theirs, name
    log = (folders[1] / "run.log").read_text()
    assert log.count("epoch 0 training") == 1 and "2 processes" in log
    stages = [sorted(path.name for path in (tmp_path / name).rglob("*.safetensors")) for name in ("own", "theirs")]
    assert stages[0] == stages[1]


@pytest.mark.slow
def test_a_killed_rank_ends_the_job_and_it_goes_on_with_any_number_of_ranks(ranks, settings, tmp_path):
    whole = watched({**settings, "run_folder": str(tmp_path / "whole")})
    folder = tmp_path / "run"
    settings |= {"run_folder": str(folder)}
    first = ranks(watched, 2, settings, (1, 1)).wait()
    assert first[1] is None and first[0][0] == "PeerFailed"
    assert (folder / "training.safetensors").exists() and "died or is not responding" in (
        folder / "run.log"
    ).read_text()
    second = ranks(watched, 3, settings, (0, 2)).wait()
    assert second[0] is None and {second[1][0], second[2][0]} == {"PeerFailed"}
    n_batches = len(whole["losses"]) // 3
    for size in (1, 3):
        found = ranks(watched, size, settings).results()[-1]
        assert (found["valid"], found["test"]) == (whole["valid"], whole["test"])
        assert found["losses"] == pytest.approx(whole["losses"][-len(found["losses"]) :], rel=1e-3)
        assert len(found["losses"]) == (n_batches if size == 1 else 3 * n_batches)
    assert not (folder / "training.safetensors").exists()


@pytest.mark.slow
def test_with_dropout_the_same_number_of_ranks_goes_on_bit_for_bit(ranks, settings, tmp_path):
    settings["dropout"] = 0.2
    whole, other = ranks(watched, 2, {**settings, "run_folder": str(tmp_path / "whole")}).results()
    assert whole["losses"] == other["losses"]
    settings["run_folder"] = str(tmp_path / "run")
    assert ranks(watched, 2, settings, (1, 1)).wait()[1] is None
    resumed = ranks(watched, 2, settings).results()[1]
    assert 0 < len(resumed["losses"]) < len(whole["losses"])
    assert resumed["losses"] == whole["losses"][-len(resumed["losses"]) :] and resumed["test"] == whole["test"]
