"""The file of a trained model: what comes back, and what is refused with which reason."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset, data_preparation
from safetensors import safe_open

from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, write_tensors
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.tiger import TIGER
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.run_folder.model_file import is_pickled, read_model

Build = Callable[..., tuple[TIGERTrainer, Any]]


@pytest.fixture(scope="module")
def trained(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of a finished run and the file of its model."""
    base = tmp_path_factory.mktemp("trained")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 2, "eval_step": 1, "beam_size": 10, "show_progress": False, "cache_dir": str(base / "cache")}
    done = run({**settings, "run_folder": str(base / "run")})
    return {"settings": settings, "file": base / "run" / "model.safetensors", "test": done["test"]}


@pytest.fixture
def build(trained: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A function that builds a trainer, whose model is not trained, and its data for changed settings."""
    monkeypatch.chdir(tmp_path)

    def built(**changes: Any) -> tuple[TIGERTrainer, Any]:
        config = build_config({**trained["settings"], **changes})
        data = data_preparation(config, create_dataset(config))
        return TIGERTrainer(config, TIGER(config, data[0].dataset)), data

    return built


@pytest.fixture
def copy(trained: dict[str, Any], tmp_path: Path) -> Path:
    return Path(shutil.copy(trained["file"], tmp_path / "model.safetensors"))


def test_an_untrained_model_with_the_file_s_weights_tests_as_the_trained_one(
    trained: dict[str, Any], build: Build
) -> None:
    trainer, (_, _, test) = build()
    assert dict(trainer.evaluate(test, model_file=str(trained["file"])) or {}) == trained["test"]


def test_any_program_can_read_the_weights_without_this_package(trained: dict[str, Any]) -> None:
    with safe_open(trained["file"], framework="np") as stored:
        assert stored.metadata()["kind"] == "tiger-model" and stored.metadata()["version"] == "1"
        names = set(stored.keys())
    assert "model/tiger.catalogue.tokens" in names


def test_resuming_restores_weights_optimiser_epoch_and_best_score(trained: dict[str, Any], build: Build) -> None:
    trainer, _ = build(epochs=4)
    trainer.resume_checkpoint(trained["file"])
    saved = read_model(trained["file"])
    assert trainer.start_epoch == saved.about["epoch"] + 1 and trainer.cur_step == saved.about["cur_step"]
    assert trainer.best_valid_score == saved.about["best_valid_score"]
    for name, value in trainer.model.state_dict().items():
        assert value.equal(saved.tensors[f"model/{name}"]), name
    for index, state in trainer.optimizer.state_dict()["state"].items():
        assert state["exp_avg"].equal(saved.tensors[f"optimizer/{index}/exp_avg"])


@pytest.mark.parametrize("cut", [0, 4, 500, -1])
def test_a_truncated_model_is_refused_with_a_remedy(cut: int, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:cut])
    with pytest.raises(DamagedFile, match=r"model\.safetensors .*truncated.*train the model again"):
        read_model(copy)


@pytest.mark.parametrize("place", [0.001, 0.3, 0.6, 0.999])
def test_a_model_with_one_bit_changed_is_refused(place: float, copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[int(place * len(content))] ^= 1
    copy.write_bytes(content)
    with pytest.raises(DamagedFile, match="train the model again"):
        read_model(copy)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "model.safetensors", "tokenizer", {"x": torch.zeros(2)}, {})
    with pytest.raises(DamagedFile, match="'tokenizer', expected 'tiger-model'"):
        read_model(tmp_path / "model.safetensors")


def test_a_file_of_another_version_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recbole_adasid.io.tensor_file.FORMAT_VERSION", 2)
    with pytest.raises(DamagedFile, match="format 1, this version reads 2"):
        read_model(copy)


def test_a_file_that_names_another_model_is_refused(trained: dict[str, Any], tmp_path: Path) -> None:
    saved = read_model(trained["file"])
    saved.about["config"]["settings"]["model"] = "Pop"
    write_tensors(tmp_path / "model.safetensors", "tiger-model", saved.tensors, saved.about)
    with pytest.raises(DamagedFile, match="names the model 'Pop'"):
        read_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_a_pickled_model_of_an_earlier_version_is_refused_with_a_remedy(
    extension: str, tmp_path: Path, build: Build
) -> None:
    file = tmp_path / f"model.{extension}"
    torch.save({"config": {"sid_level_sizes": [4]}, "state_dict": {}}, file)
    trainer, (_, _, test) = build()
    for load in (lambda: trainer.evaluate(test, model_file=str(file)), lambda: trainer.resume_checkpoint(file)):
        with pytest.raises(DamagedFile, match="unpickled.*train the model again, or load the file with the version"):
            load()


def test_a_safetensors_file_is_not_taken_for_a_pickle_whatever_its_length(tmp_path: Path) -> None:
    for head, pickled in ((b"\x80\x02" + bytes(6) + b"{", False), (b"\x80\x02X", True), (b"PK\x03\x04" * 3, True)):
        (tmp_path / "file").write_bytes(head)
        assert is_pickled(tmp_path / "file") is pickled


def test_a_missing_model_is_named(build: Build) -> None:
    trainer, (_, _, test) = build()
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        trainer.evaluate(test, model_file="nowhere.safetensors")


def other_data(tmp_path: Path, write_dataset: Callable[..., Path], name: str, first: str) -> dict[str, Any]:
    """Settings of a dataset of the twenty items of `tiny`, whose first interaction is with ``first``."""
    rows = [("u0", first, "1")]
    rows += [(f"u{user}", f"i{(user + step) % 20}", str(10 + step)) for user in range(30) for step in range(6)]
    return {"dataset": name, "data_path": str(write_dataset(tmp_path / "other", rows, name))}


def refusal(trained: dict[str, Any], trainer: TIGERTrainer) -> str:
    """Return why the trained model is refused, and check that nothing of it was taken."""
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    with pytest.raises(MismatchedFile) as refused:
        trainer.resume_checkpoint(trained["file"])
    assert all(value.equal(before[name]) for name, value in trainer.model.state_dict().items())
    assert trainer.start_epoch == 0 and trainer.saved_model_file != str(trained["file"])
    return str(refused.value)


def test_a_model_of_another_dataset_is_refused(
    trained: dict[str, Any], build: Build, tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    trainer, _ = build(**other_data(tmp_path, write_dataset, "second", "i0"))
    assert "trained on the dataset 'tiny', not on 'second': use a model of" in refusal(trained, trainer)


@pytest.mark.parametrize(("first", "items"), [("i21", 21), ("i7", 20)])
def test_a_model_of_another_catalogue_is_refused(
    first: str, items: int, trained: dict[str, Any], build: Build, tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    trainer, _ = build(**other_data(tmp_path, write_dataset, "tiny", first))
    assert f"other items or users of 'tiny' than it has now (20 items then, {items} now" in refusal(trained, trainer)


def test_with_user_tokens_a_model_is_bound_to_its_users(build: Build) -> None:
    assert build(n_user_tokens=7)[0].model.data["digest"] != build()[0].model.data["digest"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"d_model": 32}, r"float32 \[\d+, 64\], expected float32 \[\d+, 32\]"),
        ({"n_encoder_layers": 2}, "lacks the tensor tiger.network.encoder.layers.1"),
        ({"n_user_tokens": 5}, "other items or users"),
        ({"codebook_size": 5}, r"level sizes \[4, 4, 4, \d+\], this model \[5, 5, 5, \d+\]"),
        ({"learner": "adagrad"}, "trained with learner=adamw, not adagrad: set the same learner"),
    ],
)
def test_a_model_of_other_settings_is_refused(
    changes: dict[str, Any], reason: str, trained: dict[str, Any], build: Build
) -> None:
    assert re.search(reason, refusal(trained, build(**changes)[0]))
