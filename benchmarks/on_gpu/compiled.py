"""Training with losses that torch.compile has compiled: ours and, for fairness, Hugging Face's."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
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
    rounds_of,
    run,
    title,
)

_LIMIT = 60.0  # seconds an attempt
_ORDER = [(ONE_PASS, True), (PEER, False), (LIGER, True), (WINDOWS, True), (ONE_PASS, False)]
"""What is compiled, and whether in plain operations and with a loss of fixed shapes: what is wanted most first."""


def measure(scene: Scene, report: Report) -> None:
    """Write the rate of each loss compiled for one shape, that of the middle one of the largest batches."""
    if scene.quick:
        report.line("torch.compile", error="not in a quick run: compiling takes longer than all else")
        return
    for name, changed in _ORDER:
        for size in scene.sizes:
            how = "plain operations" if changed else "as it is"
            what = f"{title(name, size, batch_sizes(scene)[-1])}, {how}, compiled"
            work = functools.partial(_attempt, scene, report, what, name, size, changed=changed)
            report.attempt(what, work, _LIMIT)


def _attempt(scene: Scene, report: Report, what: str, name: str, size: str, *, changed: bool) -> None:
    batch_size = batch_sizes(scene)[-1]
    rounds = middle(rounds_of(scene, name, size, batch_size))
    before = run(scene, rounds)
    with plain_operations() if changed else nullcontext():
        one, detail = compiled(scene, rounds, fixed=changed and name != WINDOWS)
    detail = f"{before.seconds / one.seconds:.2f} × as fast as the same batch not compiled, {detail}"
    report.line(what, unit=UNIT, detail=detail, **one.rate(rounds.examples))


def middle(rounds: steps.Rounds) -> steps.Rounds:
    """Return rounds of the middle batch alone: tracing shapes that vary takes minutes."""
    batch = rounds.batches[len(rounds.batches) // 2]
    # Of sequences, all but the first items are predicted; other batches have one example a row.
    examples = int((batch[1] - 1).sum()) if len(batch) == 2 and batch[1].dim() == 1 else len(batch[0])
    return rounds._replace(batches=[batch], examples=examples)


def compiled(
    scene: Scene, rounds: steps.Rounds, *, fixed: bool, backend: str | Callable = "inductor"
) -> tuple[Timed, str]:
    """Compile the loss, its own or that of fixed shapes, and time rounds; say how long and into how many pieces."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    loss = functools.partial(fixed_shapes.sequence_loss, rounds.model) if fixed else rounds.loss
    started = time.perf_counter()
    one = run(scene, rounds, torch.compile(loss, dynamic=False, backend=backend))
    breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
    return one, f"{time.perf_counter() - started:.0f} s in all, {breaks} graph breaks"
