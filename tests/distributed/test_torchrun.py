"""The main job as people start it: by torchrun, by RecBole's options, and through a process that is killed."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.plugin.run import run
from recbole_adasid.settings.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
KILLED_JOB = Path(__file__).with_name("killed_job.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings) -> Settings:
    small = {"report": False, "bf16": False, "dropout": 0.0, "epochs": 3, "tokenizer": "adasid", "tokenizer_steps": 12}
    small |= {"tokenizer_save_every": 4, "tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 3}
    return {**tiny_settings, **small, "encoder_hidden": [16], "tokenizer_bf16": False}


def start(program: list[str], settings: Settings) -> subprocess.CompletedProcess[str]:
    given = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *program, *given], capture_output=True, text=True, env=environment, timeout=120
    )


@pytest.mark.slow
def test_a_killed_rank_is_restarted_and_the_result_is_that_of_an_undisturbed_run(settings, tmp_path):
    whole = run({**settings, "cache_dir": str(tmp_path / "other"), "run_root": str(tmp_path / "whole")})
    done = start([*TORCHRUN, "--max-restarts=1", str(KILLED_JOB)], settings)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()  # the restart found the folder of the first attempt
    assert json.loads((folder / "metrics.json").read_text())["test"] == whole["test"]
    assert (folder / "sids.json").read_text() == (whole["run_folder"] / "sids.json").read_text()
    assert "Resuming training after 1 epochs" in (folder / "run.log").read_text()
    assert "Traceback" not in done.stdout and "SIGKILL" not in done.stdout


@pytest.mark.slow
def test_recbole_s_option_starts_the_processes_which_share_a_log_in_files(settings, tmp_path):
    settings["metrics"] = ["NDCG", "ItemCoverage", "AveragePopularity", "GiniIndex", "TailPercentage", "ShannonEntropy"]
    log = {"interactions_files": f"{settings['data_path']}/tiny/tiny.inter", "run_folder": str(tmp_path / "run")}
    done = start([str(ROOT / "run_recbole_adasid.py"), "--nproc=2"], {**settings, **log})
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stderr and done.stderr.count("Result\n") == 1
    alone = run({**settings, "cache_dir": str(tmp_path / "other")})
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"] == alone["test"]


@pytest.mark.slow
def test_a_mistake_is_told_once_and_torchrun_shows_it_at_the_end(settings):
    done = start([*TORCHRUN, "-m", "recbole_adasid", "--epoch=3"], settings)
    assert done.returncode != 0
    assert len(re.findall(r"^error: (?:rank \d: )?Unknown setting 'epoch'", done.stderr, re.M)) == 1  # by either rank
    assert "traceback : Unknown setting 'epoch'" in done.stderr


def by_recbole(settings: Settings) -> dict[str, float]:
    """Do what each process does that RecBole's `run("TIGER", …, nproc=2)` starts."""
    from recbole.quick_start.quick_start import run_recboles

    sys.argv = ["program"]
    given = {key: value for key, value in settings.items() if key != "dataset"}
    place = {"ip": "127.0.0.1", "port": os.environ["MASTER_PORT"], "offset": 0, "nproc": 2, "world_size": 2}
    results: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    run_recboles(int(os.environ["RANK"]), "TIGER", "tiny", None, {"config_dict": {**given, **place}, "queue": results})
    return dict(results.get()["test_result"])


@pytest.mark.slow
def test_recbole_s_own_run_starts_ranks_that_do_not_need_gpus(ranks, settings, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    alone = run({**settings, "cache_dir": str(tmp_path / "other")})
    monkeypatch.chdir(tmp_path)
    assert ranks(by_recbole, 2, settings).results() == [alone["test"]] * 2


def test_processes_that_work_alone_are_refused_for_what_one_process_does(settings, monkeypatch):
    from recbole_adasid.plugin.config.building import build_config

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="torchrun started 2 processes, but only the main job runs on several"):
        build_config(settings)
