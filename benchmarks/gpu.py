"""Correctness and speed of TIGER, LIGER and tokenizers on a GPU, in one run of at most eight minutes.

    python -m benchmarks.gpu --prepared=prepared --out=results/gpu

Checks that the GPU computes the same as the CPU; measures examples, users and steps per second, each against Hugging
Face's T5 or vector-quantize-pytorch in the same run; and records peak memory. Every result is appended to
`results.jsonl` at once. Each part has a time limit; a failure or timeout is recorded too, and the other parts still
run, in a process that is restarted if it dies. `benchmarks/gpu_prepare.sh` prepares a folder for machines without a
network; without `--prepared`, items are synthetic. Peers that are not installed are skipped. Use
`--device=cpu --quick` to try the script itself.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.on_gpu import compiled, correctness, decoding, graphs, hardware, tokenizers, training
from benchmarks.on_gpu.report import FILE, Report, read, table
from benchmarks.on_gpu.scene import Scene

GRACE = 15.0
"""Seconds after its end at which a part that does not give up is ended with its process."""


class Part(NamedTuple):
    """A part of the run and its seconds of eight minutes; those that it leaves are the next one's."""

    measure: Callable[[Scene, Report], None]
    seconds: float


PARTS = {
    "hardware": Part(hardware.measure, 15),
    "correctness": Part(correctness.measure, 60),
    "training": Part(training.measure, 80),
    "decoding": Part(decoding.measure, 75),
    "tokenizers": Part(tokenizers.measure, 45),
    "compiled": Part(compiled.measure, 110),
    "graphs": Part(graphs.measure, 60),  # last: a step that could not be recorded may leave the allocator in disorder
}
"""In the order of what is wanted most. Half a minute of the eight is for starting and ending."""


def main() -> int:
    """Run all parts; return 1 where something is wrong or failed, 2 where nothing was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "results/gpu")))
    parser.add_argument("--prepared", type=Path, default=None, help="folder of gpu_prepare.sh; else random items")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which the script has ended, whatever it did")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu")
    parser.add_argument("--quick", action="store_true", help="tiny models and batches")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--started", type=float, default=None, help="be the process that measures, of a run begun then")
    arguments = parser.parse_args()
    chosen = arguments.parts.split(",")
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"unknown parts {', '.join(unknown)}; valid: {', '.join(PARTS)}")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU: run on a machine with one, or try the script by --device=cpu --quick")
    if arguments.prepared is not None and not arguments.prepared.is_dir():
        parser.error(f"--prepared={arguments.prepared} is no folder: make it by benchmarks/gpu_prepare.sh")
    if arguments.started is not None:
        measure(chosen, arguments)
        return 0
    return supervise(chosen, arguments)


def measure(chosen: list[str], arguments: argparse.Namespace) -> None:
    """Run the parts ``chosen`` in this process."""
    scene = Scene(torch.device(arguments.device), arguments.quick, arguments.prepared)
    ends = part_ends(arguments.started, arguments.minutes)
    for name in chosen:
        report = Report(arguments.out, name, arguments.started, ends[name])
        report.line("part", state="begun")
        torch.manual_seed(0)
        report.attempt("part", functools.partial(PARTS[name].measure, scene, report))
        report.line("part", state="ended")


def part_ends(started: float, minutes: float) -> dict[str, float]:
    """Return when each part is to end, in seconds since the epoch."""
    ends, at = {}, started + 20 * minutes / 8
    for name, part in PARTS.items():
        at += part.seconds * minutes / 8
        ends[name] = at
    return ends


def supervise(chosen: list[str], arguments: argparse.Namespace) -> int:
    """Start the process that measures, and once more for what is left where it died or hung."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / FILE).unlink(missing_ok=True)
    started, left = time.time(), chosen
    ends, last = part_ends(started, arguments.minutes), started + 60 * arguments.minutes - 5
    while left and time.time() < last:
        process = subprocess.Popen([*command(arguments), f"--parts={','.join(left)}", f"--started={started}"])
        status = wait(process, arguments.out, ends, last)
        done = {one["part"] for one in read(arguments.out) if one.get("state") == "begun"}
        if status != 0:
            lost = current(arguments.out) or left[0]
            done.add(lost)
            report = Report(arguments.out, lost, started, last)
            report.line("process", error=f"its process ended with status {status}: what was left of the part is lost")
            report.line("part", state="ended")
        left = [] if status == 0 else [name for name in left if name not in done]
    records = read(arguments.out)
    (arguments.out / "README.md").write_text(f"{page(arguments, records)}\n", encoding="utf-8")
    print(table(records))
    print(f"\n{(time.time() - started) / 60:.1f} minutes; lines in {arguments.out / FILE}")
    return verdict(records)


def command(arguments: argparse.Namespace) -> list[str]:
    """Return how the process that measures is started, but for its parts."""
    options = [f"--out={arguments.out}", f"--minutes={arguments.minutes}", f"--device={arguments.device}"]
    options += [f"--prepared={arguments.prepared}"] if arguments.prepared else []
    return [sys.executable, "-m", "benchmarks.gpu", *options, *(["--quick"] if arguments.quick else [])]


def wait(process: subprocess.Popen[bytes], out: Path, ends: dict[str, float], last: float) -> int:
    """Wait for a process; kill it when its part, or all, should have ended. Return its status."""
    while process.poll() is None:
        part = current(out)
        limit = last if part is None else min(last, ends[part] + GRACE)
        if time.time() > limit:
            process.kill()
        time.sleep(0.2)
    return process.returncode


def current(out: Path) -> str | None:
    """Return the part that has begun and not ended."""
    states = [one for one in read(out) if "state" in one]
    return states[-1]["part"] if states and states[-1]["state"] == "begun" else None


def page(arguments: argparse.Namespace, records: list[dict]) -> str:
    """Return the text of README.md beside the lines."""
    items = "real items" if arguments.prepared else "made-up items of Amazon Toys' number and history lengths"
    quick = " This was a quick run of tiny models: its figures say nothing." if arguments.quick else ""
    return (
        f"# On a GPU\n\nWritten by `python -m benchmarks.gpu`, with {items}. Rates are medians; training is in "
        "bfloat16, and batches lie on the device before. Ratios are to the peer in the same run."
        f"{quick}\n\n{table(records)}"
    )


def verdict(records: list[dict]) -> int:
    """Return the exit status."""
    measured = [one for one in records if "value" in one]
    if not measured:
        return 2
    return int(any(one.get("ok") is False or "lost" in one.get("error", "") for one in records))


if __name__ == "__main__":
    sys.exit(main())
