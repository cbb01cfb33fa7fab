"""Ray as this package uses it: a quiet local cluster, or a running one, and tasks that may fail.

Scheduling, retries and spilling are Ray's own. Uses only features common to Ray 2.6 and later.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Union

from recbole_adasid.distributed.stop_signals import keeping_sigterm
from recbole_adasid.io.extras import imports_for
from recbole_adasid.io.one_line import one_line
from recbole_adasid.settings.lookup import Settings

logger = logging.getLogger(__name__)

PATIENCE = 300
"""Seconds without a finished task after which a warning is logged."""
RETRIES = 3
"""Times a task is restarted after its worker died."""
GIB = 2**30
LEAST_MEMORY = 0.25
"""Base memory of a worker in GiB, whatever it does."""


class WorkerFailed(ValueError):
    """A task failed on every worker that tried it."""


@dataclass(frozen=True)
class ClusterSettings:
    """Which cluster, and how much of it."""

    address: str | None = None
    """Address of a running cluster; None: a local one, shut down after the work."""
    workers: int | None = None
    """Processes of a local cluster; None: one per core."""
    worker_memory: float = 2.0
    """GiB per process: work is split to fit, and Ray starts no more processes than memory allows."""

    @classmethod
    def of(cls, settings: Settings) -> ClusterSettings:
        """Build from `ray_address`, `ray_workers` and `ray_worker_memory`, as far as present."""
        names = ("address", "workers", "worker_memory")
        return cls(**{name: settings[f"ray_{name}"] for name in names if f"ray_{name}" in settings})

    @property
    def worker_bytes(self) -> int:
        """Return the memory of one process in bytes."""
        return int(self.worker_memory * GIB)


class Outcome(NamedTuple):
    """Outcome of a job."""

    job: Any
    result: Any
    error: Exception | None


class ThisProcess:
    """One worker without Ray: a job is done when it is started."""

    def share(self, value: Any) -> Any:
        """Return a handle of a value to pass to tasks; it is sent to each machine once."""
        return value

    def task(self, function: Callable[..., Any], *, n_results: int = 1) -> Any:
        """Return a function that starts ``function`` and returns a reference to its result, or several."""
        return function

    def each(self, start: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Outcome]:
        """Yield the outcomes of jobs as they finish; ``start`` starts one and returns the reference to its result.

        Jobs may be appended to the list meanwhile.
        """
        for job in jobs:
            try:
                result = start(job)
            except (ValueError, OSError, MemoryError, RuntimeError) as error:
                yield Outcome(job, None, error)
            else:
                yield Outcome(job, result, None)


class Cluster:
    """A running cluster, with the interface of :class:`ThisProcess`.

    Args:
        ray: the package.
        settings: of the cluster.
    """

    def __init__(self, ray: Any, settings: ClusterSettings) -> None:
        self.ray, self.settings = ray, settings
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1)))
        largest = max((node["Resources"].get("memory", 0) for node in ray.nodes() if node["Alive"]), default=0)
        if largest < settings.worker_bytes:
            raise WorkerFailed(
                f"no node of the cluster has {settings.worker_memory:g} GiB for a worker "
                f"(the largest has {largest / GIB:.1f} GiB): lower ray_worker_memory"
            )

    def share(self, value: Any) -> Any:
        """Put a value into the object store."""
        return self.ray.put(value)

    def task(self, function: Callable[..., Any], *, n_results: int = 1) -> Any:
        """Return a function that runs ``function`` on a worker, and on another one if that dies."""
        options = {"num_cpus": 1, "memory": self.settings.worker_bytes, "max_retries": RETRIES}
        return self.ray.remote(function).options(num_returns=n_results, name=function.__name__, **options).remote

    def each(self, start: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Outcome]:
        """Yield the outcomes of jobs as they finish; starts only as many as keep every worker busy."""
        running: dict[Any, Any] = {}
        started = 0
        while running or started < len(jobs):
            while len(running) < 2 * self.slots and started < len(jobs):
                running[start(jobs[started])] = jobs[started]
                started += 1
            ready = self._first_ready(list(running))
            job = running.pop(ready)
            try:
                yield Outcome(job, self.ray.get(ready), None)
            except self.ray.exceptions.RayError as error:
                yield Outcome(job, None, self._cause(error))

    def _first_ready(self, running: list[Any]) -> Any:
        """Wait for one of the references, however long a task takes, with a warning now and then."""
        begin = time.monotonic()
        while True:
            ready, _ = self.ray.wait(running, num_returns=1, timeout=PATIENCE)
            if ready:
                return ready[0]
            logger.warning(
                "No Ray task has finished in the last %.0f minutes; %d are running or waiting. A task needs 1 CPU and "
                "%g GiB; %g CPUs are free. If this is slower than expected, check the cluster with `ray status`.",
                (time.monotonic() - begin) / 60,
                len(running),
                self.settings.worker_memory,
                self.ray.available_resources().get("CPU", 0),
            )

    def _cause(self, error: Exception) -> Exception:
        """Return the cause of a failure, with Ray's process errors rephrased."""
        cause = getattr(error, "cause", None)  # raised by the function itself
        if isinstance(cause, MemoryError):
            return WorkerFailed(f"a worker ran out of memory ({cause or 'MemoryError'}): {_REMEDY}")
        if isinstance(cause, Exception):
            return cause
        return WorkerFailed(
            f"the task failed on {RETRIES + 1} workers ({one_line(error, 200)}), probably out of memory: {_REMEDY}"
        )


Workers = Union[ThisProcess, Cluster]
"""Executes jobs."""


@contextmanager
def cluster(settings: ClusterSettings) -> Iterator[Cluster]:
    """Start or join a cluster within the block; one joined earlier is kept.

    Raises:
        ImportError: if Ray is not installed.
        WorkerFailed: if no cluster answers at the address, or no node has the memory for a worker.
    """
    with keeping_sigterm():
        ray = _imported()
        own = not ray.is_initialized()
        if own:
            _start(ray, settings)
    try:
        yield Cluster(ray, settings)
    finally:
        if own:
            ray.shutdown()


def _imported() -> Any:
    remedy = "work in this process (pair_engine=local, --engine=local)"
    with imports_for("working on Ray", "ray", remedy), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from Ray's dependencies
        import ray
    return ray


def _start(ray: Any, settings: ClusterSettings) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if settings.address is not None:
        try:
            _knock(settings.address)
            ray.init(address=settings.address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:  # includes ConnectionError
            raise WorkerFailed(
                f"no Ray cluster answers at ray_address={settings.address} ({one_line(error, 200)}): "
                "start one, or leave ray_address out"
            ) from error
        return
    workers, physical = settings.workers or _cores(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    wanted = workers * settings.worker_bytes
    with _environment(OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0", RAY_task_oom_retries=str(RETRIES)):
        ray.init(
            address="local",
            num_cpus=workers,
            object_store_memory=max(min(wanted // 2, physical // 4), 128 * 2**20),
            include_dashboard=False,
            _memory=min(wanted, physical // 4 * 3),
            _node_ip_address="127.0.0.1",
            **quiet,
        )


def _knock(address: str) -> None:
    """Check that something answers at HOST:PORT: Ray itself gives up only after minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the processes that the block starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_REMEDY = "lower ray_workers, or ray_worker_memory for smaller tasks"
