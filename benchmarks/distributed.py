"""Training on several processes against one: examples per second, efficiency, and the time spent in exchanges.

    python -m benchmarks.distributed --data_path=data

Starts two processes with torchrun, one thread each. In every round rank 0 takes the steps alone with one thread, then
alone with as many threads as there are processes, then all take them together, each on its share of the same batches.
Efficiency is the speed-up over one process divided by the number of processes. Exchanges are timed within the step,
including the wait for the slower rank, and in isolation. Processor time, which other programs on the machine do not
affect, shows how much more all processes together compute than one alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import networks, tiger_training, toys
from benchmarks.measuring import Measurement, seconds
from benchmarks.tokenizer_step import Steps
from recbole_adasid.compute.allocator import keep_freed_memory
from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.distributed.group import Group
from recbole_adasid.distributed.joining import joined, launched
from recbole_adasid.distributed.world import World, enter, world
from recbole_adasid.model.optimiser import adamw

CASES = ("tokenizer", "small", "paper")
CPU = torch.device("cpu")


@dataclass
class Exchanges:
    """What a group exchanges: how long it takes, and tensors of which shapes."""

    group: Group
    spent: float = 0.0
    shapes: list[tuple[str, torch.Size, torch.dtype]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("add_up", "all_rows"):
            setattr(self.group, name, self._timed(name, getattr(self.group, name)))

    def _timed(self, name: str, exchange: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def timed(values: Tensor) -> Tensor:
            started = time.perf_counter()
            found = exchange(values)
            self.spent += time.perf_counter() - started
            self.shapes.append((name, values.shape, values.dtype))
            return found

        return timed

    def again(self) -> None:
        """Exchange tensors of the shapes noted so far, and nothing else."""
        for name, shape, dtype in list(self.shapes):
            getattr(self.group, name)(torch.zeros(shape, dtype=dtype))


def tokenizer_step(arguments: argparse.Namespace) -> Callable[[], object]:
    """Return AdaSID's training step after both pairwise terms have set in."""
    features, pairs = toys.features(arguments.data_path), toys.pairs(arguments.data_path)
    steps = Steps("adasid", features, pairs, arguments)
    steps.number = 200
    return steps.step


def tiger_step(size: str) -> Callable[[], object]:
    """Return TIGER's training step on batches of Amazon Toys' history lengths, as `plugin/trainer.py` takes it."""
    torch.manual_seed(0)
    keep_freed_memory()
    model = networks.our_model(toys.semantic_ids(None), size).train()
    optimizer, bfloat16 = adamw(model, learning_rate=1e-3, weight_decay=0.05), has_bfloat16(CPU)
    pool = toys.history_lengths(tiger_training.BATCH_SIZE * tiger_training.POOL_BATCHES)
    batches = tiger_training.spread_batches(pool, 4)

    def step(lengths: Tensor) -> None:
        share = world().share(len(lengths))
        own = share.of(lengths)
        target = torch.randint(1, toys.N_ITEMS + 1, (len(own),))
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = share.mean(model.training_loss(toys.histories(own, int(own.max())), own, target))
        loss.backward()
        world().sum_gradients(model.parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return lambda: [step(lengths) for lengths in batches]


def main() -> int:
    """Start the processes, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random items")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES), help=f"some of {', '.join(CASES)}")
    parser.add_argument("--pairs", type=int, default=1024, help="pairs of a tokenizer's step, twice as many items")
    arguments = parser.parse_args()
    if not launched():
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        torchrun += [f"--nproc_per_node={arguments.processes}", "-m", "benchmarks.distributed", *sys.argv[1:]]
        return subprocess.run(torchrun).returncode
    with joined() as group:
        assert isinstance(group, Group)
        for case in arguments.cases.split(","):
            measure(case, group, arguments)
    return 0


def measure(case: str, group: Group, arguments: argparse.Namespace) -> None:
    """Time one case and let rank 0 print what came out."""
    if case == "tokenizer":
        make, repeat, examples = (lambda: tokenizer_step(arguments)), 10, 2 * arguments.pairs
        name = f"AdaSID training step, {examples:,} items"
    else:
        make, repeat, examples = (lambda: tiger_step(case)), 1, 4 * tiger_training.BATCH_SIZE
        name = f"TIGER training, {case} size, batches of {tiger_training.BATCH_SIZE}"
    alone, together = make(), make()
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(arguments.rounds + 1):
        found = {
            **group.from_main(lambda: _alone(alone, repeat, group.size)),
            **_together(group, together, repeat),
        }
        for key, value in found.items() if number else ():  # the first round warms up
            spent[key].append(value)
    if group.is_main:
        report(name, group.size, examples, {key: statistics.median(values) for key, values in spent.items()})


def _alone(step: Callable[[], object], repeat: int, threads: int) -> dict[str, float]:
    before, begun = enter(World()), time.process_time()
    one = seconds(lambda: [step() for _ in range(repeat)]) / repeat
    processor = (time.process_time() - begun) / repeat
    torch.set_num_threads(threads)
    more = seconds(lambda: [step() for _ in range(repeat)]) / repeat
    torch.set_num_threads(1)
    enter(before)
    return {"one": one, "threads": more, "one, processor": processor}


def _together(group: Group, step: Callable[[], object], repeat: int) -> dict[str, float]:
    exchanges = Exchanges(group)
    group.from_main(lambda: None)
    begun = time.process_time()
    whole = seconds(lambda: [step() for _ in range(repeat)]) / repeat
    processor = group.add_up(torch.tensor((time.process_time() - begun) / repeat))
    met = exchanges.spent / repeat
    group.from_main(lambda: None)
    transfer = seconds(exchanges.again) / repeat
    for name in ("add_up", "all_rows"):
        delattr(group, name)
    return {"all": whole, "exchange": met, "transfer": transfer, "all, processor": float(processor)}


def report(name: str, size: int, examples: int, spent: dict[str, Any]) -> None:
    """Print both measurements of a case."""
    met, transfer = spent["exchange"] / spent["all"], spent["transfer"] / spent["all"]
    rates = {key: f"{examples / spent[key]:,.0f}" for key in ("one", "threads", "all")}
    Measurement(
        stage=f"{name}: {size} processes",
        against="one process, one thread, divided by the processes",
        value=100 * spent["one"] / spent["all"] / size,
        target=80,
        unit="%",
        detail=f"{rates['all']} against {rates['one']} examples/s; {met:.0%} of a step in exchanges, {transfer:.0%} "
        f"without waiting; {spent['all, processor'] / spent['one, processor']:.2f} × the processor time",
    ).print()
    Measurement(
        stage=f"{name}: {size} processes",
        against=f"one process, {size} threads",
        value=spent["threads"] / spent["all"],
        target=1,
        detail=f"{rates['all']} against {rates['threads']} examples/s",
    ).print()


if __name__ == "__main__":
    sys.exit(main())
