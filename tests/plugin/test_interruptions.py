"""Runs that are stopped from outside: Ctrl-C, a disk that is full, a second process in the same folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recbole_adasid.io.locks import InUse
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.folder import RunFolder

Settings = dict[str, object]
# Programs started in the background may have been told to ignore Ctrl-C.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
RUN = "import sys; from recbole_adasid.cli import main; sys.exit(main())"
# A file may not grow beyond so many bytes, as if the disk were full.
LITTLE_ROOM = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY)); "


def start(program: str | None, settings: Settings) -> subprocess.Popen[str]:
    """Start a program, or without one the command itself, which several processes can be started of."""
    given = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    command = [sys.executable, *(["-m", "recbole_adasid"] if program is None else ["-c", program]), *given]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def metrics(folder: Path) -> dict[str, object]:
    return json.loads((folder / "metrics.json").read_text())["test"]


def test_ctrl_c_ends_in_a_sentence_and_the_same_command_goes_on(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 60, "eval_step": 0, "run_folder": str(folder)}
    process = start(HEED + RUN, settings)
    while not (folder / "training.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in printed + errors
    assert f"The same command with --run_folder={folder} resumes" in errors
    process = start(HEED + RUN, settings)
    _, errors = process.communicate()
    assert process.returncode == 0 and "Resuming training after" in errors


def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(tiny_settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    settings = {**tiny_settings, "d_model": 64}
    whole, folder = run({**settings, "run_folder": str(tmp_path / "whole")}), tmp_path / "run"
    settings |= {"run_folder": str(folder), "cache_dir": str(tmp_path / "fresh")}
    process = start(LITTLE_ROOM + RUN, settings)
    printed, errors = process.communicate()
    assert process.returncode == 2
    last = errors.strip().splitlines()[-1]
    assert last.startswith(f"error: cannot write {folder}/model.safetensors (") and "make room" in last
    assert "Traceback" not in printed + errors
    assert not list(tmp_path.rglob("*.tmp"))
    run(settings)
    assert metrics(folder) == whole["test"]


def test_two_processes_do_not_share_a_run_folder(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(RUN, {**tiny_settings, "epochs": 500, "eval_step": 0, "run_folder": str(folder)})
    try:
        while not (folder / "config.yaml").exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        with pytest.raises(InUse, match=f"the run folder {folder} is in use by another process"):
            run({**tiny_settings, "run_folder": str(folder)})
    finally:
        process.kill()
        process.communicate()
    run({**tiny_settings, "run_folder": str(folder)})  # a process that was killed holds nothing


def test_what_a_killed_process_had_begun_to_write_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / ".model.safetensors.123.tmp").write_text("half")
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


def test_sigterm_ends_in_a_sentence_and_the_same_command_goes_on(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 60, "eval_step": 0, "run_folder": str(folder)}
    process = start(RUN, settings)
    while not (folder / "training.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    printed, errors = process.communicate()
    assert process.returncode == 143
    assert "Traceback" not in printed + errors
    assert f"The same command with --run_folder={folder} resumes" in errors
    assert errors.splitlines()[-1].startswith("stopped by SIGTERM: work saved so far is intact")
    process = start(RUN, settings)
    _, errors = process.communicate()
    assert process.returncode == 0 and "Resuming training after" in errors


def test_sigterm_ends_all_processes_of_a_job_and_one_tells(tiny_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = {**tiny_settings, "epochs": 500, "eval_step": 0, "run_folder": str(folder), "nproc": 2}
    process = start(None, settings)
    while not (folder / "training.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 143
    assert errors.count("stopped by SIGTERM") == 1 and "Traceback" not in errors
