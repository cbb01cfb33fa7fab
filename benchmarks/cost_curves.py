"""How cost grows: training with interactions, decoding with beam and catalogue, regulation with the batch, Swing.

    python -m benchmarks.cost_curves --out=results/speed

Writes curves.json, one SVG per curve, and costs.md: the exponents of the fitted power laws, extrapolated to 100
million items.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import networks, toys
from benchmarks.measuring import seconds
from benchmarks.swing import synthetic_log
from benchmarks.tiger_training import BATCH_SIZE, our_step
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.pairs.swing import swing_pairs
from recbole_adasid.plugin.datasets.batches import LengthBuckets
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.registry import REGULATIONS
from recbole_adasid.tokenizer.training.sampling import PairBatch

USERS = 256
ESTIMATED_ITEMS = 100_000_000

Curve = dict[str, Any]


def training(examples: Sequence[int]) -> Curve:
    """Time of an epoch of the small network."""
    model = networks.our_model(toys.semantic_ids(None), "small").train()
    step = our_step(model)

    def epoch(count: int) -> None:
        lengths = toys.history_lengths(count)
        for rows in LengthBuckets(lengths.numpy(), batch_size=BATCH_SIZE, seed=0, epoch=0):
            step(lengths[torch.from_numpy(rows)])

    epoch(BATCH_SIZE)
    return curve("TIGER training, small size", "examples", "seconds an epoch", examples, epoch)


def decoding_by_beam(beams: Sequence[int]) -> Curve:
    """Time to decode a batch of users with wider beams."""
    model = networks.our_model(toys.semantic_ids(None), "small").eval()
    lengths = toys.history_lengths(USERS)
    history = toys.histories(lengths, toys.LONGEST)
    return curve(
        "Decoding, small size, 12 k items",
        "beam width",
        f"seconds for {USERS} users",
        beams,
        lambda beam: model.recommend(history, lengths, k=10, beam_size=beam),
    )


def decoding_by_catalogue(sizes: Sequence[int]) -> Curve:
    """Time to decode a batch of users from larger catalogues, and the bytes an item takes."""
    lengths = toys.history_lengths(USERS)
    history = toys.histories(lengths, toys.LONGEST).clamp(max=min(sizes))
    models = {}
    for size in sizes:
        catalogue = Catalogue(torch.randint(256, (size, 3)), [256] * 3)
        network = TIGERNetwork(level_sizes=catalogue.level_sizes, dropout=0.1, **networks.model_size("small"))
        models[size] = TIGERModel(network=network, catalogue=catalogue).eval()
    found = curve(
        "Decoding, small size, beam 20",
        "items",
        f"seconds for {USERS} users",
        sizes,
        lambda size: models[size].recommend(history, lengths, k=10, beam_size=20),
    )
    largest = models[max(sizes)].catalogue
    stored = sum(buffer.nbytes for buffer in largest.buffers())
    return {**found, "bytes_per_item": stored / max(sizes)}


def regulation(rows: Sequence[int]) -> Curve:
    """Time of the collision term and its gradient for codes that overlap at random."""
    settings = {**read_props("tokenizers.yaml"), **read_props("tokenizer/adasid.yaml")}
    adaptive = REGULATIONS["adaptive"](settings)

    def collide(count: int) -> None:
        latent = torch.randn(count, settings["code_dim"], requires_grad=True)
        adaptive.collision(latent, torch.randint(256, (count, 3)), PairBatch.of(torch.arange(count), 0)).loss.backward()

    return curve("Overlap regulation", "rows of a batch", "seconds a step", rows, collide)


def swing(users: Sequence[int]) -> Curve:
    """Time of mining pairs from synthetic logs, ten interactions a user."""
    logs = {10 * count: synthetic_log(count) for count in users}
    return curve("Swing", "interactions", "seconds", list(logs), lambda size: swing_pairs(*logs[size]), rounds=1)


def curve(name: str, x: str, y: str, values: Sequence[int], run: Callable[[int], object], rounds: int = 3) -> Curve:
    """Time ``run`` at each value (the least of some rounds) and fit seconds = c · value^exponent."""
    times = []
    for value in values:
        times.append(min(seconds(functools.partial(run, value)) for _ in range(rounds)))
        print(f"{name}: {value:,} {x}: {times[-1]:.3f} {y}", flush=True)
    exponent = float(np.polyfit(np.log(values), np.log(times), 1)[0])
    return {"name": name, "x": x, "y": y, "values": list(values), "seconds": times, "exponent": exponent}


def draw(found: Curve, path: Path) -> None:
    """Write one curve as SVG, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "recbole-adasid"  # the same drawing for the same numbers
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.loglog(found["values"], found["seconds"], marker="o")
    axes.set(xlabel=found["x"], ylabel=found["y"], title=f"{found['name']} (exponent {found['exponent']:.2f})")
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def report(curves: dict[str, Curve], folder: Path) -> None:
    """Write costs.md: every curve as a picture and a table, and the estimate."""
    lines = ["# How cost grows", "", "Written by `python -m benchmarks.cost_curves`.", ""]
    for name, found in curves.items():
        lines += [f"## {found['name']}", "", f"![{found['name']}]({name}.svg)", ""]
        lines += [f"| {found['x']} | {found['y']} |", "|---|---|"]
        lines += [f"| {value:,} | {spent:.3g} |" for value, spent in zip(found["values"], found["seconds"])]
        lines += ["", f"Fitted exponent: {found['exponent']:.2f}.", ""]
    lines += ["## 100 million items", "", *estimate(curves), ""]
    (folder / "costs.md").write_text("\n".join(lines), encoding="utf-8")


def estimate(curves: dict[str, Curve]) -> list[str]:
    """Return what the curves say about a catalogue of ESTIMATED_ITEMS, as lines of a list."""
    per_item = curves["decoding_by_catalogue"]["bytes_per_item"]
    return [
        f"- Catalogue and prefix tree: {per_item:.0f} bytes an item, {per_item * ESTIMATED_ITEMS / 2**30:.0f} GiB.",
        f"- Decoding {USERS} users, beam 20: {extrapolate(curves['decoding_by_catalogue'], ESTIMATED_ITEMS):.2f} s.",
        f"- Swing on 1 billion interactions (ten an item): {extrapolate(curves['swing'], 10**9) / 3600:.1f} hours.",
        f"- An epoch of the small network on 1 billion examples: {extrapolate(curves['training'], 10**9) / 3600:.0f} "
        "hours.",
        "",
        "Each is the last measured point continued by its exponent, far beyond what was measured.",
    ]


def extrapolate(found: Curve, value: float) -> float:
    return found["seconds"][-1] * (value / found["values"][-1]) ** found["exponent"]


def main() -> None:
    """Measure all curves, each written as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="some curves, separated by commas; the others stay as they are in --out")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes; below 1 for a quick look")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)

    def sizes(*values: int) -> list[int]:
        return [max(8, int(value * arguments.scale)) for value in values]

    measures: dict[str, Callable[[], Curve]] = {
        "training": lambda: training(sizes(5_000, 10_000, 20_000, 40_000)),
        "decoding_by_beam": lambda: decoding_by_beam(sizes(10, 20, 50, 100, 200)),
        "decoding_by_catalogue": lambda: decoding_by_catalogue(sizes(10_000, 100_000, 1_000_000, 4_000_000)),
        "regulation": lambda: regulation(sizes(512, 1024, 2048, 4096, 8192)),
        "swing": lambda: swing(sizes(10_000, 30_000, 100_000, 300_000)),
    }
    stored = arguments.out / "curves.json"
    curves: dict[str, Curve] = json.loads(stored.read_text(encoding="utf-8")) if arguments.only else {}
    for name in arguments.only.split(",") if arguments.only else measures:
        curves[name] = measures[name]()
        draw(curves[name], arguments.out / f"{name}.svg")
        stored.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")
    report(curves, arguments.out)


if __name__ == "__main__":
    main()
