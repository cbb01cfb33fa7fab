"""The dispatcher: which command runs, what help costs, and names that there are not."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from recbole_adasid.cli import main, train
from recbole_adasid.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    *("train", "recommend", "serve", "items", "bundle", "publish", "export", "scorecard", "grid", "convert", "pairs"),
    *("assign", "tune", "audit", "report"),
)
HELPED = """
import sys
from recbole_adasid.cli import main
statuses = [main(arguments) for arguments in [["--help"], *([name, "--help"] for name in sys.argv[1:])]]
heavy = [name for name in ("torch", "recbole", "pandas", "numpy", "scipy", "hyperopt") if name in sys.modules]
statuses.append(main(["--model=SASRec", "--help"]))  # it reads RecBole's files
print(statuses, heavy, "torch" in sys.modules, file=sys.stderr)
"""


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)


def test_help_lists_the_commands_one_a_line(capsys):
    assert tuple(COMMANDS) == NAMES
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line[:2] == "  " != line[2:4]] == list(NAMES)
    assert all(f"  {name:<12}{COMMANDS[name].summary}" in lines for name in NAMES) and max(map(len, lines)) <= 120


def test_help_imports_nothing_heavy():
    done = call("-c", HELPED, *NAMES)
    assert done.stderr == f"{[0] * (2 + len(NAMES))} [] False\n"
    assert done.stdout.count("usage: recbole-adasid ") == 1 + len(NAMES) and "settings of --model=SASRec" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_help_has_a_line_for_every_option(name):
    text = COMMANDS[name].help()
    assert text.startswith(f"usage: recbole-adasid {name}")
    for option in COMMANDS[name].all_options:
        assert f"\n  {option.written}  " in text, option.name


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("train", "audit")])
def test_a_command_without_arguments_shows_its_help(name, capsys):
    assert main([name]) == 0
    assert capsys.readouterr().out == COMMANDS[name].help() + "\n"


def test_an_audit_of_no_run_does_not_pass(capsys):
    assert main(["audit"]) == 2
    assert capsys.readouterr().err == "error: audit needs --run_folder=FOLDER; see --help.\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_a_sentence_and_exit_status_2(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([name, "nonsense"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "nonsense" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        ([], []),
        (["train"], []),
        (["--epochs=3"], ["--epochs=3"]),
        (["train", "--epochs=3"], ["--epochs=3"]),
        (["--epochs", "3", "--dataset=report"], ["--epochs", "3", "--dataset=report"]),
    ],
)
def test_settings_alone_are_of_the_main_job(arguments, rest, monkeypatch):
    runs = []
    monkeypatch.setattr(train, "_work", lambda given, own_process: runs.append((given, own_process)))
    assert main(arguments) == 0
    monkeypatch.setattr(sys, "argv", ["recbole-adasid", *arguments])
    assert main() == 0
    assert runs == [(rest, False), (rest, True)]


def test_help_with_settings_is_that_of_the_main_job(capsys):
    assert main(["--model=SASRec", "--help"]) == 0
    assert "settings of --model=SASRec" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recomend", "Unknown command 'recomend': did you mean recommend?"),
        ("Report", "Unknown command 'Report': did you mean report?"),
        ("xyz", "Unknown command 'xyz'."),
        ("epochs=3", "A setting is written --epochs=3."),
    ],
)
def test_an_unknown_name_is_answered_by_the_closest_and_all(name, said, capsys):
    assert main([name, "--help"]) == 2
    error = capsys.readouterr().err
    assert said in error and f"Valid are: {', '.join(sorted(NAMES))}." in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "out", "error"),
    [
        (["-m", "recbole_adasid", "--help"], 0, "usage: recbole-adasid COMMAND", ""),
        (["-m", "recbole_adasid", "recomend"], 2, "", "error: Unknown command 'recomend'"),
        (["run_recbole_adasid.py", "--help"], 0, "usage: recbole-adasid train", ""),
        (["run_recbole_adasid.py", "report"], 2, "", "error: The argument 'report' is not of the form --key=value"),
    ],
)
def test_the_script_of_a_checkout_knows_the_main_job_alone(arguments, status, out, error):
    done = call(*arguments)
    assert done.returncode == status and done.stdout.startswith(out) and done.stderr.startswith(error)


@pytest.mark.parametrize("words", [[], ["train"]])
def test_processes_are_started_with_the_arguments_of_this_one(words, monkeypatch):
    started = []
    monkeypatch.setattr("torch.distributed.run.run", lambda how: started.append(how.training_script_args))
    monkeypatch.setattr("recbole_adasid.plugin.launch._program", lambda: ["recbole-adasid"])
    monkeypatch.setattr(sys, "argv", ["recbole-adasid", *words, "--nproc=2", "--epochs=3"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert main() == 0
    assert started == [["recbole-adasid", *words, "--nproc=2", "--epochs=3"]]


def test_a_caller_s_own_arguments_start_no_processes(capsys):
    assert main(["train", "--nproc=2"]) == 2
    assert "give them on the command line, or use torchrun" in capsys.readouterr().err


@pytest.mark.parametrize("start", [main, train.main])
def test_a_console_without_the_letters_of_a_title_ends_no_command(start, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(sys, "argv", ["recbole-adasid", "--help"])
    assert start() == 0
    print("漢字 …", flush=True)
    assert console.buffer.getvalue().endswith(b"\\u6f22\\u5b57 \\u2026\n")
