"""Training with losses that torch.compile has compiled: ours and, for fairness, Hugging Face's."""

from __future__ import annotations

import functools
import time
from contextlib import nullcontext

import torch

from benchmarks.on_gpu import fixed_shapes, steps
from benchmarks.on_gpu.plain import plain_operations
from benchmarks.on_gpu.report import Report
from benchmarks.on_gpu.scene import Scene
from benchmarks.on_gpu.timing import Timed
from benchmarks.on_gpu.training import (
    LIGER,
    ONE_PASS,
    PEER,
    UNIT,
    WINDOWS,
    batch_sizes,
    peer_rate,
    rounds_of,
    run,
    title,
)

_LIMIT = 45.0  # seconds an attempt
_ORDER = [(ONE_PASS, True), (PEER, False), (LIGER, True), (WINDOWS, True), (ONE_PASS, False)]
"""What is compiled, and whether in plain operations and with a loss of fixed shapes: what is wanted most first."""


def measure(scene: Scene, report: Report) -> None:
    """Write the rate of each loss compiled, of the largest batch, the largest models first."""
    if scene.quick:
        report.line("torch.compile", error="not in a quick run: compiling takes longer than all else")
        return
    for size in scene.sizes[::-1]:
        for name, changed in _ORDER:
            how = "plain operations" if changed else "as it is"
            what = f"{title(name, size, batch_sizes(scene)[-1])}, {how}, compiled"
            work = functools.partial(_attempt, scene, report, what, name, size, changed=changed)
            report.attempt(what, work, _LIMIT)


def _attempt(scene: Scene, report: Report, what: str, name: str, size: str, *, changed: bool) -> None:
    batch_size = batch_sizes(scene)[-1]
    rounds = rounds_of(scene, name, size, batch_size)
    with plain_operations() if changed else nullcontext():
        one, detail = compiled(scene, rounds, fixed=changed and name != WINDOWS)
    rates = one.rate(rounds.examples, peer_rate(report, size, batch_size))
    report.line(what, unit=UNIT, detail=detail, **rates)


def compiled(scene: Scene, rounds: steps.Rounds, *, fixed: bool) -> tuple[Timed, str]:
    """Compile the loss, its own or that of fixed shapes, and time rounds; say how long and into how many pieces."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    loss = functools.partial(fixed_shapes.sequence_loss, rounds.model) if fixed else rounds.loss
    started = time.perf_counter()
    several = len(rounds.batches) > 1
    one = run(scene, rounds, torch.compile(loss, dynamic=True if several else None))
    breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
    return one, f"{time.perf_counter() - started:.0f} s in all, {breaks} graph breaks"
