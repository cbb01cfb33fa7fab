"""Training examples a second, step by step as the trainer takes them, against Hugging Face's T5 of the same size."""

from __future__ import annotations

import functools

from benchmarks.on_gpu import steps
from benchmarks.on_gpu.report import Report, read
from benchmarks.on_gpu.scene import Scene
from benchmarks.on_gpu.timing import Timed, timed

ONE_PASS, WINDOWS, LIGER = "TIGER, one pass of items", "TIGER, windows of tokens", "LIGER, one pass of items"
WAYS = {ONE_PASS: steps.one_pass_of_items, WINDOWS: steps.windows, LIGER: steps.liger}
PEER = "Hugging Face T5, windows padded to 20 items"
UNIT = "examples/s"


def batch_sizes(scene: Scene) -> tuple[int, ...]:
    """Return the examples of a batch: the default's, and as many as keep a large GPU busy."""
    return scene.pick((256, 4096), (12,))


def measure(scene: Scene, report: Report) -> None:
    """Write the peer's rate and ours, for every size, batch and way."""
    for size in scene.sizes:
        for batch_size in batch_sizes(scene):
            for name in (PEER, *WAYS):
                work = functools.partial(_eager, scene, report, name, size, batch_size)
                report.attempt(title(name, size, batch_size), work, 30)


def run(scene: Scene, rounds: steps.Rounds, loss: steps.Loss | None = None) -> Timed:
    """Time rounds of training steps."""
    step = rounds.step(loss)
    return timed(lambda: [step(batch) for batch in rounds.batches], scene.device, seconds=scene.pick(2.0, 0.1))


def title(name: str, size: str, batch_size: int) -> str:
    """Return what a line is about."""
    return f"{name}, {size}, batches of {batch_size}"


def peer_rate(report: Report, size: str, batch_size: int) -> float | None:
    """Return what was measured of the peer in this run, or None."""
    what = title(PEER, size, batch_size)
    found = [one["value"] for one in read(report.path.parent) if one["what"] == what and "value" in one]
    return found[-1] if found else None


def rounds_of(scene: Scene, name: str, size: str, batch_size: int) -> steps.Rounds:
    """Return the rounds of a way, or of the peer.

    Raises:
        ModuleNotFoundError: the peer's package is not installed.
    """
    return (steps.peer if name == PEER else WAYS[name])(scene, size, batch_size)


def _eager(scene: Scene, report: Report, name: str, size: str, batch_size: int) -> None:
    rounds = rounds_of(scene, name, size, batch_size)
    one = run(scene, rounds)
    peer = None if name == PEER else peer_rate(report, size, batch_size)
    report.line(title(name, size, batch_size), unit=UNIT, **one.rate(rounds.examples, peer))
