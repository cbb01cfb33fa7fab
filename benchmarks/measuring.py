"""Shared by all speed benchmarks: alternating runs, peak memory, and the recording of measurements."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PREFIX = "MEASUREMENT "


@dataclass(frozen=True)
class Measurement:
    """One line of the table: how ``stage`` compares with ``against``, and what it should reach."""

    stage: str
    against: str
    value: float
    target: float
    at_least: bool = True
    unit: str = "×"
    detail: str = ""

    @property
    def reached(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def print(self) -> None:
        """Print the measurement for `python -m benchmarks` to read."""
        print(PREFIX + json.dumps(asdict(self)), flush=True)


def median_ratio(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Return the median over rounds of seconds of ``peer`` / seconds of ``ours``, and both medians of seconds.

    Both of a round run right after each other, so that a machine that is slow for a while is slow for both.
    """
    ratios, ours_spent, peer_spent = [], [], []
    for number in range(rounds + 1):
        first, second = seconds(ours), seconds(peer)
        if number:  # the first round warms up
            ratios.append(second / first)
            ours_spent.append(first)
            peer_spent.append(second)
    return statistics.median(ratios), statistics.median(ours_spent), statistics.median(peer_spent)


class InTurn:
    """A process of a benchmark's own that does its work when it is called, and waits otherwise.

    Args:
        module: of the benchmark; its process calls :func:`take_turns`.
        options: on its command line.
    """

    def __init__(self, module: str, *options: str) -> None:
        command = [sys.executable, "-m", module, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self) -> None:
        """Let it work and wait until it has.

        Raises:
            RuntimeError: if it ended.
        """
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None and answers is not None
        print("go", file=asked, flush=True)
        if answers.readline() != "done\n":
            raise RuntimeError(f"a process of the benchmark ended: {self.process.args!r}")

    def end(self) -> None:
        """Let the process end."""
        self.process.communicate()


def take_turns(work: Callable[[], object]) -> None:
    """Do the work whenever the process that started this one asks for it."""
    for _ in sys.stdin:
        work()
        print("done", flush=True)


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def reset_peak_memory() -> float:
    """Forget the peak of this process's resident memory so far; return what it holds now, in MiB (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def peak_memory() -> float:
    """Return the peak of this process's resident memory since the last reset, in MiB."""
    return _status("VmHWM")


class Watch:
    """What this process and Ray's workers below it took while they were watched.

    Attributes:
        driver, workers: the most memory that this process, and any one worker, had for itself alone, in GiB.
        seconds: how long it took.
        own_cores, other_cores: how many cores all these processes, and others on the machine, kept busy on average.
    """

    def __init__(self) -> None:
        self.driver = self.workers = self.seconds = self.own_cores = self.other_cores = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs; no worker that was there before must end in it."""
        stop = threading.Event()
        looking = threading.Thread(target=self._look, args=(stop,))
        looking.start()
        started, own, busy = time.perf_counter(), _own_seconds(), _busy_seconds()
        try:
            yield
        finally:
            self.seconds = time.perf_counter() - started
            self.own_cores = (_own_seconds() - own) / self.seconds
            self.other_cores = max(0.0, (_busy_seconds() - busy) / self.seconds - self.own_cores)
            stop.set()
            looking.join()

    def _look(self, stop: threading.Event) -> None:
        workers: list[int] = []
        for turn in range(10**9):
            if turn % 20 == 0:
                workers = [one.pid for one in _below() if "ray::" in _title(one)]
            self.driver = max(self.driver, private_memory(os.getpid()))
            self.workers = max([self.workers, *map(private_memory, workers)])
            if stop.wait(0.05):
                return


def _below() -> list[Any]:
    import psutil

    return psutil.Process().children(recursive=True)


def _own_seconds() -> float:
    """Return the processor time of this process and those below it."""
    import psutil

    total = 0.0
    for process in (psutil.Process(), *_below()):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def _busy_seconds() -> float:
    """Return the time that the machine's cores were busy, or kept from it (Linux)."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _, _, interrupts, soft, stolen = map(int, words)
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _title(process: Any) -> str:
    import psutil

    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def private_memory(pid: int) -> float:
    """Return what a process has in memory for itself alone, in GiB (Linux); 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("RssAnon:")), 0.0)


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) / 1024
