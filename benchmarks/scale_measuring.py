"""What the parts of `catalogue_scale` share: limits stated beforehand, and how time and processor time are taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.measuring import Measurement, Watch
from recbole_adasid.distributed.ray_cluster import ClusterSettings

LIMITS = {"worker": 1.0, "driver": 1.0, "log sorted": 3.0, "log sorted before": 1.5}
"""GiB that a worker, the process that started them, and one that trains on a log in files may have for itself; stated
before anything was measured."""
EFFICIENCY = 70.0
"""Per cent of twice the speed of one worker that two should reach on a machine of two cores."""


def cluster_settings(workers: int) -> ClusterSettings:
    """Return the settings of a cluster on this machine."""
    return ClusterSettings(workers=workers, worker_memory=LIMITS["worker"])


def twice(stage: str, runs: dict[int, Watch]) -> Iterator[Measurement]:
    """Compare two workers with one, by the clock and by processor time; what others took of the machine is told."""
    detail = ", ".join(
        f"{one.seconds:.1f} s {f'with {workers}' if workers else 'without Ray'} (others on {one.other_cores:.2f} cores)"
        for workers, one in runs.items()
    )
    share = 100 * runs[1].seconds / runs[2].seconds / 2
    yield Measurement(f"{stage}, 2 workers", "twice one", share, EFFICIENCY, unit="%", detail=detail)
    took = {workers: one.seconds * one.own_cores for workers, one in runs.items()}
    detail = ", ".join(
        f"{spent:.1f} s {f'with {workers}' if workers else 'without Ray'}" for workers, spent in took.items()
    )
    share = 100 * took[1] / took[2]
    yield Measurement(f"{stage}, processor time of 2 workers", "that of one", share, 90, unit="%", detail=detail)


def figure(name: str, value: float, unit: str, detail: str) -> Measurement:
    """Return a figure that nothing was asked of."""
    return Measurement(name, "", value, 0.0, unit=unit, detail=detail)


def timed(function: Callable) -> tuple:
    """Return a result and the seconds it took."""
    started = time.perf_counter()
    result = function()
    return result, time.perf_counter() - started


def worked(function: Callable) -> tuple:
    """Return a result and the processor time it took, which others on the machine hardly change."""
    started = time.process_time()
    result = function()
    return result, time.process_time() - started
