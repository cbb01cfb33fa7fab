"""The commands as they were called before work, and say what to write instead."""

from __future__ import annotations

import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import recbole_adasid
from recbole_adasid.cli import main
from recbole_adasid.cli.deprecated import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def run(module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy's, of a module that is imported already
        runpy.run_module(module, run_name="__main__")
    return int(ended.value.code or 0)


@pytest.mark.parametrize("module", COMMANDS)
@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["nonsense"], 2)])
def test_they_print_and_end_as_the_new_command_and_name_it(module, arguments, status, monkeypatch, capsys):
    assert run(module, arguments, monkeypatch) == status
    old = capsys.readouterr()
    assert main([COMMANDS[module], *arguments]) == status
    new = capsys.readouterr()
    assert old.out == new.out
    told = f"python -m {module} is deprecated: use recbole-adasid {COMMANDS[module]}\n"
    assert old.err == told + new.err


def test_every_module_that_can_be_started_is_named():
    home = Path(recbole_adasid.__file__).parent
    starts = {
        "recbole_adasid." + ".".join(path.relative_to(home).with_suffix("").parts).removesuffix(".__main__")
        for path in home.rglob("*.py")
        if "standalone" not in path.parts  # scripts that go into exported folders
        and (path.name == "__main__.py" or '__name__ == "__main__"' in path.read_text(encoding="utf-8"))
    }
    assert starts == {*COMMANDS, "recbole_adasid.__main__"}


def test_they_work_in_a_process_of_their_own():
    module, name = "recbole_adasid.report", "report"
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith(f"usage: recbole-adasid {name}")
    assert done.stderr == f"python -m {module} is deprecated: use recbole-adasid {name}\n"
