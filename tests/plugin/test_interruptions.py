"""Runs that are stopped from outside: Ctrl-C, a disk that is full, a second process in the same folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forked import Program
from recbole_adasid.cli import main
from recbole_adasid.io.locks import InUse
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.folder import RunFolder

Settings = dict[str, object]
RUN = "import sys; from recbole_adasid.cli import main; sys.exit(main())"
# The process gets a signal as soon as the training state of the first epoch is saved.
STOPPED = """
import os, signal
from recbole_adasid.plugin import trainer

signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes may have been told to ignore Ctrl-C
save = trainer.save_training

def save_and_stop(*arguments, **more):
    save(*arguments, **more)
    os.kill(os.getpid(), signal.{name})

trainer.save_training = save_and_stop
"""
MOST_BYTES = 30_000
"""A file may not grow beyond them, as if the disk were full."""


def arguments(settings: Settings) -> list[str]:
    return [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]


def metrics(folder: Path) -> dict[str, object]:
    return json.loads((folder / "metrics.json").read_text())["test"]


@pytest.mark.parametrize(
    ("name", "status", "last"),
    [
        ("SIGINT", 130, "stopped: work saved so far is intact"),
        ("SIGTERM", 143, "stopped by SIGTERM: work saved so far is"),
    ],
)
def test_a_signal_ends_a_run_in_a_sentence_and_the_same_command_goes_on(
    name: str, status: int, last: str, tiny_settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 3, "eval_step": 0, "run_folder": str(folder)}
    program = Program(STOPPED.format(name=name) + RUN, tmp_path / "told", *arguments(settings))
    assert program.wait() == status, program.errors
    errors = program.errors
    assert "Traceback" not in program.output + errors
    assert f"The same command with --run_folder={folder} resumes" in errors
    assert errors.splitlines()[-1].startswith(last)
    assert main(arguments(settings)) == 0
    assert "Resuming training after 1 epochs" in capfd.readouterr().err


def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(
    tiny_settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")
    settings = {**tiny_settings, "d_model": 64}
    whole, folder = run({**settings, "run_folder": str(tmp_path / "whole")}), tmp_path / "run"
    settings |= {"run_folder": str(folder), "cache_dir": str(tmp_path / "fresh")}
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, most))
    try:
        assert main(arguments(settings)) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    printed, errors = capfd.readouterr()
    last = errors.strip().splitlines()[-1]
    assert last.startswith(f"error: cannot write {folder}/model.safetensors (") and "free disk space" in last
    assert "Traceback" not in printed + errors
    assert not list(tmp_path.rglob("*.tmp"))
    run(settings)
    assert metrics(folder) == whole["test"]


def test_two_processes_do_not_share_a_run_folder(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 500, "eval_step": 0, "run_folder": str(folder)}
    program = Program(RUN, tmp_path / "told", *arguments(settings))
    try:
        program.wait_for((folder / "config.yaml").exists)
        with pytest.raises(InUse, match=f"the run folder {folder} is in use by another process"):
            run({**tiny_settings, "run_folder": str(folder)})
    finally:
        program.process.kill()
        program.wait()
    run({**tiny_settings, "run_folder": str(folder)})  # a process that was killed holds nothing


def test_what_a_killed_process_had_begun_to_write_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / ".model.safetensors.123.tmp").write_text("half")
    os.utime(tmp_path / ".model.safetensors.123.tmp", (0, 0))
    with folder.in_use():
        assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_a_run_folder_that_cannot_be_made_is_named(tiny_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot create the run folder .*/file/run .*choose another run_folder"):
        run({**tiny_settings, "run_folder": str(tmp_path / "file" / "run")})


def test_a_cache_that_cannot_be_written_costs_nothing_but_a_warning(
    tiny_settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    whole = run(tiny_settings)
    done = run({**tiny_settings, "tokenizer_save_every": 1, "cache_dir": str(tmp_path / "file" / "cache")})
    assert done["test"] == whole["test"]
    assert "The stage tokenizer could not be stored: cannot write" in capfd.readouterr().err


# A process of a job that does nothing but last.
LASTING = """
import os, sys, time
from pathlib import Path
place = Path(__file__).with_name("began-" + os.environ["RANK"])
place.with_suffix(".tmp").write_text(str(os.getpid()))
place.with_suffix(".tmp").rename(place)
time.sleep(60)
"""


def test_sigterm_ends_the_processes_that_nproc_started_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(LASTING)
    named = f"import sys; sys.argv[0] = {str(tmp_path / 'job.py')!r}; sys.modules['__main__'].__spec__ = None\n"
    program = Program(named + RUN, tmp_path / "told", "--nproc=2")
    began = [tmp_path / "began-0", tmp_path / "began-1"]
    program.wait_for(lambda: all(place.exists() for place in began))
    assert program.process.pid is not None
    os.kill(program.process.pid, signal.SIGTERM)
    assert program.wait() == 143, program.errors
    assert program.errors.count("stopped by SIGTERM") == 1 and "Traceback" not in program.errors
    for place in began:
        with pytest.raises(ProcessLookupError):
            os.kill(int(place.read_text()), 0)


@pytest.mark.slow
def test_sigterm_ends_all_processes_of_a_job_and_one_tells(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 500, "eval_step": 0, "run_folder": str(folder), "nproc": 2}
    command = [sys.executable, "-m", "recbole_adasid", *arguments(settings)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (folder / "training.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 143
    assert errors.count("stopped by SIGTERM") == 1 and "Traceback" not in errors
