"""Processes forked from a server that has loaded what a run loads: a new interpreter would need seconds for that."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

LOADED = ["numpy", "torch", "torch.distributed", "pytest", "recbole_adasid.plugin.run", "recbole_adasid.plugin.trainer"]
LOADED += ["recbole_adasid.plugin.tiger", "recbole_adasid.plugin.config.constraints", "torch.utils.tensorboard"]
# What these load in the middle of a run.
LOADED += ["torch._dynamo", "recbole.data", "sklearn.decomposition", "sklearn.feature_extraction.text"]


def forking() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


class Program:
    """Python code that runs in a process of its own as `python -c` would; it writes into files of a folder.

    Args:
        code: what to run.
        folder: of `output` and `errors`, created if needed.
        arguments: `sys.argv` without the program.
    """

    def __init__(self, code: str, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = folder / "output", folder / "errors"
        for file in self._files:
            file.touch()
        given = (code, [*arguments], [str(file) for file in self._files], os.getcwd())
        self.process = forking().Process(target=_run, args=given)
        self.process.start()

    def wait(self, within: float = 120) -> int:
        """Return the exit status; negative: the signal that ended it."""
        self.process.join(within)
        assert self.process.exitcode is not None, f"it runs for more than {within} seconds"
        return self.process.exitcode

    def wait_for(self, what: Callable[[], object], within: float = 120) -> None:
        """Wait until something is true while the process runs."""
        end = time.monotonic() + within
        while not what():
            assert self.process.is_alive() and time.monotonic() < end, self.errors
            time.sleep(0.02)

    @property
    def output(self) -> str:
        return self._files[0].read_text()

    @property
    def errors(self) -> str:
        return self._files[1].read_text()


def _run(code: str, arguments: list[str], files: list[str], folder: str) -> None:
    for number, file in zip((1, 2), files):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.chdir(folder)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
