"""Training steps recorded as CUDA graphs, one for each shape of batch: what is left without launching kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from benchmarks.on_gpu import fixed_shapes, steps
from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import Scene
from benchmarks.on_gpu.timing import timed
from benchmarks.on_gpu.training import UNIT, WAYS, WINDOWS, batch_sizes, peer_rate, title

_WARM_UP = 3


def measure(scene: Scene, report: Report) -> None:
    """Write the rate of every way whose step can be recorded and, last, whether those can be that are as they are."""
    if scene.device.type != "cuda":
        report.line("CUDA graphs", error="not on this device: graphs are CUDA's")
        return
    for size in scene.sizes:
        for batch_size in batch_sizes(scene):
            for name in WAYS:
                _attempt(scene, report, name, size, batch_size, own=name == WINDOWS)
    for name in WAYS:
        if name != WINDOWS:
            _attempt(scene, report, name, scene.sizes[0], batch_sizes(scene)[0], own=True)


def _attempt(scene: Scene, report: Report, name: str, size: str, batch_size: int, *, own: bool) -> None:
    what = f"{title(name, size, batch_size)}, {'loss as it is' if own else 'loss of fixed shapes'}"

    def work() -> None:
        rounds = WAYS[name](scene, size, batch_size)
        loss = rounds.loss if own else functools.partial(fixed_shapes.sequence_loss, rounds.model)
        one = timed(recorded(rounds, loss), scene.device, seconds=1.0)
        report.line(what, unit=UNIT, **one.rate(rounds.examples, peer_rate(report, size, batch_size)))

    report.attempt(what, work, 20)


def recorded(rounds: steps.Rounds, loss: steps.Loss) -> Callable[[], object]:
    """Record a step for each batch and return what replays them all.

    Raises:
        RuntimeError: a step asks the GPU for something in between, which a graph cannot.
    """
    step = rounds.step(loss)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # moments of the optimiser are made here, outside of every graph
        for batch in rounds.batches:
            for _ in range(_WARM_UP):
                step(batch)
    torch.cuda.current_stream().wait_stream(side)
    pool, graphs = torch.cuda.graph_pool_handle(), []
    for batch in rounds.batches:
        graphs.append(torch.cuda.CUDAGraph())
        with torch.cuda.graph(graphs[-1], pool=pool):
            step(batch)

    def replay() -> None:
        for graph in graphs:
            graph.replay()

    return replay
