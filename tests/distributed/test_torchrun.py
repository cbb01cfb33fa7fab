"""The main job as people start it: by torchrun, by RecBole's options, and through a process that is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.host.run import run
from recbole_adasid.host.settings import SettingsError

ROOT = Path(__file__).resolve().parents[2]
KILLED_JOB = Path(__file__).with_name("killed_job.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings) -> Settings:
    small = {"bf16": False, "dropout": 0.0, "epochs": 3, "tokenizer": "adasid", "tokenizer_steps": 12}
    small |= {"tokenizer_save_every": 4, "tokenizer_batch_pairs": 8, "tokenizer_batch_solo_items": 3}
    return {**tiny_settings, **small, "encoder_hidden": [16], "tokenizer_bf16": False}


def start(program: list[str], settings: Settings) -> subprocess.CompletedProcess[str]:
    given = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *program, *given], capture_output=True, text=True, env=environment, timeout=120
    )


@pytest.mark.slow
def test_killed_ranks_are_restarted_and_the_result_is_that_of_an_undisturbed_run(settings, tmp_path):
    whole = run({**settings, "cache_dir": str(tmp_path / "other"), "run_root": str(tmp_path / "whole")})
    done = start([*TORCHRUN, "--max-restarts=2", str(KILLED_JOB)], settings)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()  # the restarts found the folder of the first attempt
    assert json.loads((folder / "metrics.json").read_text())["test"] == whole["test"]
    assert (folder / "sids.json").read_text() == (whole["run_folder"] / "sids.json").read_text()
    assert "Training goes on after 1 epochs" in (folder / "run.log").read_text()
    assert "Traceback" not in done.stdout and "SIGKILL" not in done.stdout


@pytest.mark.slow
def test_recbole_s_option_starts_the_processes(settings, tmp_path):
    done = start([str(ROOT / "run_recbole_adasid.py"), "--nproc=2"], {**settings, "run_folder": str(tmp_path / "run")})
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stderr and done.stderr.count("Result\n") == 1
    alone = run({**settings, "cache_dir": str(tmp_path / "other")})
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"] == alone["test"]


@pytest.mark.slow
def test_a_mistake_is_told_once_and_torchrun_shows_it_at_the_end(settings):
    done = start([*TORCHRUN, "-m", "recbole_adasid", "--epoch=3"], settings)
    assert done.returncode != 0
    assert done.stderr.count("error: Unknown setting 'epoch'") == 1
    assert "traceback : Unknown setting 'epoch'" in done.stderr


@pytest.mark.slow
def test_recbole_s_own_run_starts_ranks_that_do_not_need_gpus(settings, tmp_path):
    pytest.importorskip("ray")
    program = tmp_path / "program.py"
    given = {key: value for key, value in settings.items() if key != "dataset"}
    program.write_text(
        "import json, sys\nimport recbole_adasid\nfrom recbole.quick_start import run\n"
        f"if __name__ == '__main__':\n    found = run('TIGER', 'tiny', config_dict={given!r}, nproc=2)\n"
        "    print('found', json.dumps(found['test_result']))\n"
    )
    done = subprocess.run([sys.executable, program.name], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("found "))
    assert json.loads(line.removeprefix("found ")) == run({**settings, "cache_dir": str(tmp_path / "other")})["test"]


def test_processes_that_work_alone_are_refused_for_what_one_process_does(settings, monkeypatch):
    from recbole_adasid.host.config import build_config

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="torchrun started 2 processes, but only the main job runs on several"):
        build_config(settings)
