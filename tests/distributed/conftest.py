"""Real processes that exchange over gloo: each of a test's ranks is forked from one server that has torch loaded."""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import TCPStore

from forked import forking

RANK_PROGRAM = Path(__file__).with_name("rank_program.py")


class Ranks:
    """Processes that run a function of a test module, one a rank, and what it returned or raised there."""

    def __init__(self, folder: Path, function: Callable[..., Any], size: int, arguments: tuple[Any, ...]) -> None:
        self.folder = folder
        # As torchrun does, which outlives the ranks.
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        job = {"function": function.__name__, "file": function.__code__.co_filename, "arguments": arguments}
        job |= {"size": size, "port": self.store.port, "folder": str(folder)}
        self.processes = [
            forking().Process(target=runpy.run_path, args=(str(RANK_PROGRAM), {**job, "rank": rank}))
            for rank in range(size)
        ]
        for process in self.processes:
            process.start()

    def wait(self, within: float = 180) -> list[Any]:
        """Return what every rank returned, an exception as (its type's name, what it says), None if it was killed."""
        end = time.monotonic() + within
        for process in self.processes:
            process.join(max(0.0, end - time.monotonic()))
        assert not any(process.is_alive() for process in self.processes), "a rank did not end in time"
        return [self._found(rank) for rank in range(len(self.processes))]

    def results(self) -> list[Any]:
        """Return what every rank returned; none may fail."""
        found = self.wait()
        failed = [one for one in found if one is None or isinstance(one, tuple)]
        assert not failed, failed
        return found

    def _found(self, rank: int) -> Any:
        import torch

        path = self.folder / f"{rank}.pt"
        return torch.load(path, weights_only=False) if path.exists() else None

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()


@pytest.fixture
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ranks]]:
    """Start a function of the test's module on several ranks: ``ranks(function, size, *arguments)``."""
    started: list[Ranks] = []

    def start(function: Callable[..., Any], size: int, *arguments: Any) -> Ranks:
        started.append(Ranks(tmp_path_factory.mktemp("ranks"), function, size, arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()
