"""The main job as people start it: by torchrun, by RecBole's options, and through a process that is killed.

Interpreters of their own cost half a minute, so these tests are slow. What the processes do is also tested in forked
ones, here and in `test_tiger_training.py` and `test_failure.py`; the folder that a restart finds, in
`plugin/config/test_run_settings.py`; a job that is started by `nproc`, in `plugin/test_interruptions.py`.
"""

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

from recbole_adasid.cli.train import main
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


def arguments(settings: Settings) -> list[str]:
    return [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]


def start(program: list[str], settings: Settings) -> subprocess.CompletedProcess[str]:
    given = arguments(settings)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *program, *given], capture_output=True, text=True, env=environment, timeout=600
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


METRICS = ["NDCG", "ItemCoverage", "AveragePopularity", "GiniIndex", "TailPercentage", "ShannonEntropy"]


def of_files(settings: Settings, folder: Path) -> Settings:
    log = f"{settings['data_path']}/tiny/tiny.inter"
    return {**settings, "interactions_files": log, "run_folder": str(folder)}


@pytest.mark.slow
def test_recbole_s_option_starts_the_processes_which_share_a_log_in_files(settings, tmp_path):
    settings["metrics"] = METRICS
    done = start([str(ROOT / "run_recbole_adasid.py"), "--nproc=2"], of_files(settings, tmp_path / "run"))
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


def by_command(given: list[str], folder: Path) -> int:
    """Do what a process of torchrun's does; what it says and its error are files of ``folder``."""
    rank = os.environ["RANK"]
    os.dup2(os.open(folder / f"said-{rank}", os.O_WRONLY | os.O_CREAT), 2)
    os.environ["TORCHELASTIC_ERROR_FILE"] = str(folder / f"error-{rank}.json")
    return main(given)


def said(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("said-*")))


def test_processes_share_a_log_in_files_and_one_tells_the_result(ranks, settings, tmp_path):
    settings["metrics"] = METRICS
    given = arguments(of_files(settings, tmp_path / "run"))
    assert ranks(by_command, 2, given, tmp_path).results() == [0, 0]
    assert "2 processes" in said(tmp_path) and said(tmp_path).count("Result\n") == 1
    alone = run({**settings, "cache_dir": str(tmp_path / "other")})
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"] == alone["test"]


def test_a_mistake_is_told_once_and_left_where_torchrun_looks_for_it(ranks, settings, tmp_path):
    assert ranks(by_command, 2, [*arguments(settings), "--epoch=3"], tmp_path).results() == [2, 2]
    assert len(re.findall(r"^error: (?:rank \d: )?Unknown setting 'epoch'", said(tmp_path), re.M)) == 1
    left = [json.loads(path.read_text())["message"]["message"] for path in tmp_path.glob("error-*.json")]
    assert left and all(message.startswith("Unknown setting 'epoch'") for message in left)


def by_recbole(settings: Settings) -> dict[str, float]:
    """Do what each process does that RecBole's `run("TIGER", …, nproc=2)` starts."""
    from recbole.quick_start.quick_start import run_recboles

    sys.argv = ["program"]
    given = {key: value for key, value in settings.items() if key != "dataset"}
    place = {"ip": "127.0.0.1", "port": os.environ["MASTER_PORT"], "offset": 0, "nproc": 2, "world_size": 2}
    results: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    run_recboles(int(os.environ["RANK"]), "TIGER", "tiny", None, {"config_dict": {**given, **place}, "queue": results})
    return dict(results.get()["test_result"])


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
