"""A projection to larger logs and catalogues on a cluster, from measured rates.

    python -m benchmarks.scale_plan --measured=results/scale --out=results/scale

Reads the figures of `python -m benchmarks.catalogue_scale` and writes plan.md: time and memory of each stage, with the
formulas next to the numbers. None of it was run; docs/scale.md has the assumptions.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recbole_adasid.pairs.swing_on_ray import BYTES_OF_A_SUM, BYTES_OF_AN_ITEM_OF_A_USER, ITEM_BLOCKS

GB = 1e9
BYTES_OF_AN_ENTRY, BYTES_OF_A_VECTOR = 16, 2 * 768
# What reading a log leaves in files and in memory, docs/distributed.md.
BYTES_OF_AN_INTERACTION, BYTES_OF_A_USER, BYTES_OF_AN_ITEM = 100, 60, 100


@dataclass(frozen=True)
class Machines:
    """The cluster of the plan."""

    nodes: int = 32
    workers: int = 16
    """Of a node, one a core, as quick as the one that was measured."""
    worker_memory: float = 8 * GB
    network: float = 1.25 * GB
    """Bytes a second of a node: 10 Gbit/s."""

    @property
    def slots(self) -> int:
        return self.nodes * self.workers

    @property
    def bandwidth(self) -> float:
        return self.nodes * self.network


class Line(NamedTuple):
    stage: str
    formula: str
    value: str


Rates = dict[str, float]


def mining(interactions: float, users: float, items: float, rates: Rates, machines: Machines) -> Iterator[Line]:
    """Pairs of a log."""
    kept = interactions * rates["log: share that counts"]
    sums = interactions * rates["log: directed sums"]
    blocks = max(math.ceil(kept * BYTES_OF_AN_ITEM_OF_A_USER / machines.worker_memory), math.isqrt(16 * machines.slots))
    pieces = blocks * (blocks + 1) // 2
    yield Line("reading, one process", "I / r", hours(interactions / rates["log: interactions read"]))
    yield Line("its files", f"{BYTES_OF_AN_INTERACTION} B · I", size(BYTES_OF_AN_INTERACTION * interactions))
    yield Line(
        "its memory",
        f"{BYTES_OF_A_USER} B · U + {BYTES_OF_AN_ITEM} B · N",
        size(BYTES_OF_A_USER * users + BYTES_OF_AN_ITEM * items),
    )
    yield Line("blocks of users, pairs of blocks", "b = kept · 100 B / M, b (b + 1) / 2", f"{blocks:,}, {pieces:,}")
    met = interactions * rates["log: co-occurrences"] / rates["task: co-occurrences"]
    yield Line("pairs of users, all workers", "c · I / r / w", hours(met / machines.slots))
    passed = (blocks + 1) * kept / rates["task: items of users who never meet"]
    yield Line("passing over users who never meet", "(b + 1) · kept / r / w", hours(passed / machines.slots))
    yield Line("sums in the object store", f"{BYTES_OF_AN_ENTRY} B · s · I", size(BYTES_OF_AN_ENTRY * sums))
    moved = BYTES_OF_AN_ENTRY * sums / machines.bandwidth
    yield Line("sums over the network", "the same / bandwidth of all nodes", hours(moved))
    added = sums / rates["task: sums"] / machines.slots
    yield Line("best targets", "s · I / r / w", hours(added))
    parts = max(math.ceil(sums * BYTES_OF_A_SUM / machines.worker_memory), 1)
    objects = pieces * min(ITEM_BLOCKS, max(parts, 2 * machines.slots))
    yield Line("objects that the driver knows", "pairs of blocks · blocks of items", f"{objects / 1e6:.2f} million")


def training(interactions: float, users: float, rates: Rates) -> Iterator[Line]:
    """TIGER's dataset over a log in files."""
    yield Line("sorting, one process of a machine", "I / r", hours(interactions / rates["log: sorted for training"]))
    kept = rates["log: bytes an interaction, kept sorted"]
    yield Line("files of a machine", f"{kept:.0f} B · I", size(kept * interactions))
    opened = rates["log: bytes a user, opened"]
    yield Line("memory of each process", f"{opened:.0f} B · U", size(opened * users))


def assigning(items: float, rates: Rates, machines: Machines) -> Iterator[Line]:
    """Semantic IDs of a catalogue, and its prefix tree."""
    yield Line("encoding", "N / r / w", hours(items / rates["catalogue: items encoded"] / machines.slots))
    yield Line(
        "features over the network",
        f"{BYTES_OF_A_VECTOR} B · N / bandwidth of all nodes",
        hours(BYTES_OF_A_VECTOR * items / machines.bandwidth),
    )
    yield Line("suffixes, one process", "N / r", hours(items / rates["catalogue: suffixes"]))
    yield Line("catalogue and prefix tree", "bytes an item · N", size(rates["bytes an item"] * items))
    yield Line("building them, one process", "N / r", hours(items / rates["tree: built"]))


def hours(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 3600:,.1f} h"


def size(n_bytes: float) -> str:
    return f"{n_bytes / GB:,.1f} GB" if n_bytes < 1000 * GB else f"{n_bytes / GB / 1000:,.1f} TB"


def read_rates(path: Path) -> Rates:
    """Return the figures by name, rates a second; the largest catalogue's stand for the tree."""
    rates: Rates = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        name = record["stage"].split(",")[0] if record["stage"].startswith("tree: ") else record["stage"]
        rates[name] = record["value"] * (1e6 if record["unit"] == " M/s" else 1)
        if record["against"] == "bytes an item":
            rates["bytes an item"] = record["value"]
    return rates


def plan(rates: Rates, machines: Machines) -> str:
    """Return the plan as Markdown."""
    parts = [
        "# A plan past these machines",
        "Written by `python -m benchmarks.scale_plan` from the figures in README.md; nothing here was run.",
        f"Cluster: {machines.nodes} nodes of {machines.workers} workers with {machines.worker_memory / GB:g} GB each, "
        f"{machines.network / GB:g} GB/s of network a node. w = {machines.slots} workers, I interactions, U users, N "
        "items, r the measured rate, M the memory of a worker.",
    ]
    for interactions, users, items in ((1e9, 1e8, 1e8), (1e10, 1e9, 1e9)):
        title = (
            f"Pairs of {interactions / 1e9:g} B interactions of {users / 1e6:,.0f} M users, {items / 1e6:,.0f} M items"
        )
        parts.append(f"## {title}\n\n{rendered(mining(interactions, users, items, rates, machines))}")
        title = f"TIGER on these {interactions / 1e9:g} B interactions"
        parts.append(f"## {title}\n\n{rendered(training(interactions, users, rates))}")
    for items in (1e8, 1e9):
        parts.append(f"## Semantic IDs of {items / 1e6:,.0f} M items\n\n{rendered(assigning(items, rates, machines))}")
    return "\n\n".join(parts) + "\n"


def rendered(lines: Iterator[Line]) -> str:
    return "\n".join(["| stage | | |", "|---|---|---|", *(f"| {' | '.join(line)} |" for line in lines)])


def main() -> None:
    """Write plan.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, required=True, help="folder of measurements.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder for plan.md")
    arguments = parser.parse_args()
    text = plan(read_rates(arguments.measured / "measurements.jsonl"), Machines())
    (arguments.out / "plan.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
