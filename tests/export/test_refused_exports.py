"""Exports that are refused, in a sentence that says why, and leave no folder behind."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from exports import export
from recbole_adasid.cli import main
from recbole_adasid.export import to_torch, to_transformers
from recbole_adasid.serving.recommender import Recommender


def test_an_untrained_decoder_is_refused(
    liger_run: Path, resigned: Callable[..., Path], tmp_path: Path, capsys: Any
) -> None:
    folder = Path(shutil.copytree(liger_run, tmp_path / "run"))
    resigned(folder, generative_weight=0.0)
    assert export(folder, "transformers", tmp_path / "t5", "--retrieval=generative") == 2
    assert "retrieval=generative needs a trained decoder" in capsys.readouterr().err
    assert export(folder, "transformers", tmp_path / "t5") == 2
    assert "generative_weight=0 trained no decoder" in capsys.readouterr().err


def test_a_folder_with_files_is_left_alone(finished_run: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "mine").write_text("kept")
    assert export(finished_run, "constraints", tmp_path) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to=constraints", "--out=o"], "export needs --run_folder=FOLDER"),
        (["--run_folder=x", "--out=o"], "export needs --to=NAME"),
        (["--run_folder=x", "--to=torch"], "export needs --out=PATH"),
        (
            ["--run_folder=x", "--to=onnx", "--out=o"],
            "Unknown --to 'onnx'. Valid are: constraints, torch, transformers",
        ),
        (["--run_folder=x", "--to=torch", "--out=o"], "There is no run folder x"),
        (["--run_folder={run}", "--to=torch", "--out=o", "--retrieval=dense"], "retrieval=dense is only for LIGER"),
        (
            ["--run_folder={liger}", "--to=torch", "--out=o", "--retrieval=hybrid"],
            "retrieval=hybrid is not exported: choose",
        ),
    ],
)
def test_a_mistake_is_told(
    arguments: list[str],
    message: str,
    finished_run: Path,
    liger_run: Path,
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *(argument.format(run=finished_run, liger=liger_run) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_transformers_the_extra_is_named(
    finished_run: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert export(finished_run, "transformers", tmp_path / "out") == 2
    assert "pip install 'recbole-adasid[transformers]'" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["transformers", "torch"])
def test_a_folder_with_other_numbers_than_the_run_s_does_not_appear(
    to: str, finished_run: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if to == "transformers":
        pytest.importorskip("transformers")
        vectors = to_transformers.item_vectors
        monkeypatch.setattr(to_transformers, "item_vectors", lambda model: vectors(model) * 1.5)
    else:
        other = Recommender.load(finished_run).model
        torch.nn.init.normal_(other.network.vocabulary.embedding.weight)
        monkeypatch.setattr(to_torch, "_exported", lambda path, module, *_: module)
        make = to_torch.DecodingStep
        monkeypatch.setattr(to_torch, "DecodingStep", lambda model: make(other))
    assert export(finished_run, to, tmp_path / "out") == 2
    assert "differ from the run's by" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("version", "remedy"), [("2.4.0+cpu", "or later, which exports are tested with"), ("99.0.0", "report this")]
)
def test_a_torch_that_cannot_export_is_named(
    version: str, remedy: str, finished_run: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr(torch.export, "export", fail)
    monkeypatch.setattr(torch, "__version__", version)
    assert export(finished_run, "torch", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert f"torch {version} cannot export this network (no such operator): " in error and remedy in error
    assert not list(tmp_path.iterdir())
