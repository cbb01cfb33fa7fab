"""A cell's process ends with its grid; what it finished after a killed grid is not trained again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.distributed.stop_signals import Terminated
from recbole_adasid.grid import cell as cell_module
from recbole_adasid.grid import training
from recbole_adasid.grid.cell import Cell
from recbole_adasid.grid.records import METRICS
from recbole_adasid.grid.report import write_report
from recbole_adasid.grid.run import add
from recbole_adasid.grid.training import train
from recbole_adasid.io.json_file import as_json
from recbole_adasid.io.locks import InUse
from recbole_adasid.run_folder.folder import RunFolder

CHILD = """
import signal, sys, time
def end(*_):
    print("saved", end="")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open("ready", "w").close()
time.sleep(60)
"""


def test_the_training_ends_with_its_grid_and_may_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[Any] = []
    start = subprocess.Popen

    def popen(command: list[str]) -> Any:
        began.append(start([sys.executable, "-S", "-c", CHILD], stdout=subprocess.PIPE))
        return began[0]

    def wait4(*_: int) -> Any:
        while not Path("ready").exists():
            time.sleep(0.01)
        raise Terminated

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "_OWN_END", 0.01)
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(os, "wait4", wait4)
    with pytest.raises(Terminated):
        train([], Path("run"))
    assert began[0].returncode == 0 and began[0].stdout.read() == b"saved"


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A cell whose grid was killed while it was trained."""

    def execute(self: Cell, arguments: list[str], folder: Path) -> Any:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cell_module, "read_pace", lambda folder: {})
    monkeypatch.setattr(Cell, "execute", execute)
    cell = Cell("mine", {"label": "Mine", "tokenizer": "rqvae"}, "toys", 1, None, [])
    with pytest.raises(KeyboardInterrupt):
        cell.run(Path())
    return cell


def end_alone(cell: Cell) -> None:
    metrics = dict.fromkeys(METRICS, 0.25)
    path = cell.folder / "metrics.json"
    path.write_text(as_json({"best_valid": metrics, "test": metrics}), encoding="utf-8")
    begun = (cell.folder / "begun.json").stat().st_mtime
    os.utime(path, (begun + 120, begun + 120))


def test_what_ended_after_its_grid_counts_and_is_not_trained_again(killed: Cell) -> None:
    end_alone(killed)
    with RunFolder(killed.folder).in_use(), pytest.raises(InUse):
        killed.run(Path())  # it may still be writing
    add(Path(), killed.run(Path()))
    write_report(Path())
    assert "| Mine | 1 | 2.0 |  |  |  | `recbole-adasid train" in Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("changed", ["data", "code", "earlier"])
def test_other_data_or_code_are_trained_again(changed: str, killed: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    end_alone(killed)
    if changed == "data":
        Path("dataset/toys").mkdir(parents=True)
        Path("dataset/toys/toys.inter").write_text("new", encoding="utf-8")
    elif changed == "code":
        monkeypatch.setattr(cell_module, "code", lambda: "newer")
    else:  # metrics of a run before the one that was begun last
        os.utime(killed.folder / "metrics.json", (1, 1))
    with pytest.raises(KeyboardInterrupt):
        killed.run(Path())
