"""A folder of an earlier run: what stays in it, and what a run in the same folder replaces."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.folder import RunFolder
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


def test_results_of_an_earlier_run_do_not_stay_beside_another_s(settings: Settings) -> None:
    folder = run(settings)["run_folder"]
    assert {"test_ranks.npz", "evaluation.json", "evaluation.md", "report.html"} <= contents(folder).keys()
    split = {"split": {"LS": "valid_only"}, "group_by": "user", "order": "TO", "mode": "full"}
    run({**settings, "eval_args": split, "report": False})
    left = {"test_ranks.npz", "evaluation.json", "evaluation.md", "report.html", "examples.json"}
    assert not left & contents(folder).keys()
