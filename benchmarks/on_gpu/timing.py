"""How long work takes on a device, and the most memory it took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks.measuring import peak_memory, reset_peak_memory


class Timed(NamedTuple):
    """What one kind of work takes."""

    seconds: float
    """Of one call, the median."""
    peak_gib: float
    """The most memory at once: the GPU's that PyTorch gave out, or this process's own on a CPU."""
    calls: int

    def rate(self, count: float, peer: float | None = None) -> dict[str, float]:
        """Return what a line has of ``count`` things done in a call: so many a second, and against a peer's rate."""
        rate = count / self.seconds
        found = {"value": rate, "peak_gib": self.peak_gib, "calls": self.calls}
        return found if peer is None else {**found, "ratio": rate / peer}


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(
    work: Callable[[], object], device: torch.device, *, seconds: float, warm_up: int = 2, most: int = 200
) -> Timed:
    """Call ``work`` for about so many seconds, at least three times, each call waited for.

    Args:
        warm_up: calls before, in which libraries load and kernels are chosen.
        most: calls.
    """
    for _ in range(warm_up):
        work()
    synchronise(device)
    _forget_peak(device)
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while len(spent) < most and (len(spent) < 3 or time.perf_counter() < until):
        started = time.perf_counter()
        work()
        synchronise(device)
        spent.append(time.perf_counter() - started)
    return Timed(statistics.median(spent), _peak(device), len(spent))


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        reset_peak_memory()


def _peak(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else peak_memory() / 2**10
