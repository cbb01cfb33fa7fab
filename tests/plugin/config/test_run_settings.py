"""Which folder a run works in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.plugin.config import run_settings
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.run_settings import run_folder, writable
from recbole_adasid.run_folder.folder import RunFolder


@pytest.fixture
def config(tiny_settings):
    return build_config(tiny_settings)


def interrupted(config: object, root: Path, name: str) -> Path:
    folder = RunFolder(root / name)
    folder.write_config(writable(config))
    return folder.path


def test_a_new_run_gets_a_new_folder_even_beside_an_interrupted_one(config, tmp_path):
    earlier = interrupted(config, tmp_path / "runs", "tiny-rqkmeans-20300101-000000")
    found = run_folder(config)
    assert found.parent == tmp_path / "runs" and found.name.startswith("tiny-rqkmeans-") and found != earlier


def test_a_restart_goes_on_in_the_newest_unfinished_folder_of_the_same_settings(config, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    root = tmp_path / "runs"
    interrupted(config, root, "tiny-rqkmeans-20300101-000000")
    wanted = interrupted(config, root, "tiny-rqkmeans-20300102-000000")
    finished = interrupted(config, root, "tiny-rqkmeans-20300103-000000")
    (finished / "metrics.json").write_text("{}")
    other = interrupted(config, root, "tiny-rqkmeans-20300104-000000")
    RunFolder(other).write_config({**writable(config), "epochs": 9})
    (root / "tiny-rqkmeans-20300105-000000").mkdir()
    assert run_folder(config) == wanted
    config["run_folder"] = str(finished)  # what is asked for wins
    assert run_folder(config) == finished


def test_a_restart_without_such_a_folder_makes_a_new_one(config, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert not list(run_folder(config).iterdir())


def test_jobs_that_start_in_the_same_second_get_folders_of_their_own(config, monkeypatch):
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2030, 1, 1)

    monkeypatch.setattr(run_settings, "datetime", Stopped)
    names = [run_folder(config).name for _ in range(3)]
    assert names == [f"tiny-rqkmeans-20300101-000000{number}" for number in ("", "-2", "-3")]


def test_a_root_on_a_disk_that_is_not_there_is_told_where_the_folder_is_used(tiny_settings, tmp_path):
    (tmp_path / "disk").symlink_to(tmp_path / "not mounted")
    folder = run_folder(build_config({**tiny_settings, "run_root": str(tmp_path / "disk" / "runs")}))
    with pytest.raises(CannotWrite, match="cannot create the run folder"):
        RunFolder(folder)


def test_a_dataset_s_folder_may_be_a_link(tiny_settings, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").symlink_to(f"{tiny_settings['data_path']}/tiny")
    config = build_config({**tiny_settings, "dataset": "mine", "data_path": str(tmp_path / "data")})
    assert writable(config)["data_path"] == str(tmp_path / "data")
