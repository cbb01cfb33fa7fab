"""A run over malicious files computes anew, refuses them, or leaves a gap, and never executes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from malicious_files import FORMS, Malicious, planted
from recbole_adasid.cli.train import main
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.run import run
from recbole_adasid.report.run_report import write_run_report

Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings, tmp_path: Path) -> Settings:
    return {**tiny_settings, **SMALL, "run_folder": str(tmp_path / "run")}


SMALL = {"tokenizer": "adasid", "encoder_hidden": [16], "tokenizer_steps": 20, "tokenizer_save_every": 5}


@pytest.fixture(scope="module")
def whole(settings_in: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A sound run, whose folder and cache are `run` and `cache` of one folder; they are changed in copies."""
    base = tmp_path_factory.mktemp("whole")
    return run({**settings_in(base), **SMALL, "run_folder": str(base / "run"), "report": False})


@pytest.mark.parametrize("form", FORMS)
def test_a_run_over_malicious_files_computes_all_anew(
    form: str, settings: Settings, whole: dict[str, Any], tmp_path: Path, marker: Path
) -> None:
    """Every file of a run and its cache is replaced, among them those that only an unfinished run has."""
    shutil.copytree(Path(whole["run_folder"]).parent, tmp_path, dirs_exist_ok=True)
    folder, cache = Path(settings["run_folder"]), Path(settings["cache_dir"])
    files = [file for place in (folder, cache) for file in place.rglob("*") if file.is_file()]
    (learned,) = cache.glob("tokenizer/*.safetensors")
    files += [learned.with_suffix(".unfinished.safetensors"), folder / "training.safetensors"]
    assert {"model.safetensors", "tokenizer.safetensors", "test_ranks.npz"} < {file.name for file in files}
    assert {"features", "pairs", "tokenizer"} <= {file.parent.name for file in files}
    for file in files:
        file.write_bytes(FORMS[form](Malicious(marker)))
    again = run(settings)
    assert set(again["semantic_ids"].stages.values()) == {"computed"} and again["test"] == whole["test"]
    assert not marker.exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["tiny-TIGERDataset.pth", "tiny-for-TIGER-dataloader.pth"])
def test_a_malicious_dataset_of_recbole_s_is_refused(
    name: str, form: str, settings: Settings, marker: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted(Path(settings["run_folder"]), FORMS[form](Malicious(marker)), name)
    given = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    assert main(given) == 2
    assert name in capfd.readouterr().err.splitlines()[-1] and not marker.exists()


@pytest.mark.parametrize("key", ["dataset_save_path", "dataloaders_save_path"])
def test_a_malicious_dataset_that_a_setting_names_is_refused(
    key: str, evil: bytes, settings: Settings, tmp_path: Path, marker: Path
) -> None:
    file = planted(tmp_path, evil, "data.pth")
    with pytest.raises(ValueError, match=f"{key}=.*unset it"):
        run({**settings, key: str(file)})
    assert not marker.exists()


@pytest.mark.parametrize("name", ["tiny.inter", "tiny.item", "features.npz"])
def test_a_malicious_file_of_the_dataset_ends_the_run(
    name: str, evil: bytes, settings: Settings, tmp_path: Path, marker: Path, write_dataset: Callable[..., Path]
) -> None:
    rows = [(f"u{user}", f"i{(user + step) % 9}", str(step)) for user in range(9) for step in range(5)]
    settings["data_path"] = str(write_dataset(tmp_path / "data", rows))
    if name.startswith("features"):
        settings["item_features_file"] = name
    planted(tmp_path / "data" / "tiny", evil, name)
    with pytest.raises(ValueError):
        run(settings)
    assert not marker.exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_report_of_malicious_files_is_a_page_of_gaps(
    form: str, whole: dict[str, Any], tmp_path: Path, marker: Path
) -> None:
    folder = Path(shutil.copytree(whole["run_folder"], tmp_path / "run"))
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "config.yaml":
            file.write_bytes(FORMS[form](Malicious(marker)))
    page = write_run_report(folder).read_text(encoding="utf-8")
    assert page.count('class="left-out">Left out') == 9 and not marker.exists()


def test_a_malicious_model_reaches_neither_evaluation_nor_resumption(
    evil: bytes, settings: Settings, tmp_path: Path, marker: Path
) -> None:
    from recbole.data import create_dataset, data_preparation

    from recbole_adasid.plugin.tiger import TIGER
    from recbole_adasid.plugin.trainer import TIGERTrainer

    file = planted(tmp_path, evil, "model.safetensors")
    config = build_config({**settings, "tokenizer": "rqkmeans"})
    train, _, test = data_preparation(config, create_dataset(config))
    trainer = TIGERTrainer(config, TIGER(config, train.dataset))
    with pytest.raises(DamagedFile):
        trainer.evaluate(test, model_file=str(file))
    with pytest.raises(DamagedFile):
        trainer.resume_checkpoint(file)
    assert not marker.exists()
