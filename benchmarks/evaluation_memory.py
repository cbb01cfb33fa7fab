"""Memory of an evaluation batch at three catalogue sizes, excluding the catalogue itself.

python -m benchmarks.evaluation_memory
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys

import torch

from benchmarks import toys
from benchmarks.measuring import Measurement, peak_memory, reset_peak_memory

SIZES = (10_000, 1_000_000, 4_000_000)
ROUNDS = 3


def batch_memory(n_items: int, users: int, beam_size: int) -> float:
    """Return the MiB that recommending to a batch and marking its hits take at most."""
    from recbole_adasid.model.catalogue import Catalogue
    from recbole_adasid.model.network.tiger_network import TIGERNetwork
    from recbole_adasid.model.tiger import TIGERModel
    from recbole_adasid.plugin.metrics.collector import topk_hits
    from recbole_adasid.settings.presets import read_props

    torch.set_num_threads(1)  # more threads take memory by chance
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(256, (n_items, 3)), [256] * 3)
    size = read_props("model/TIGER.yaml")["model_sizes"]["small"]
    network = TIGERNetwork(level_sizes=catalogue.level_sizes, dropout=0.1, **size)
    model = TIGERModel(network=network, catalogue=catalogue).eval()
    lengths = toys.history_lengths(users)
    history = toys.histories(lengths, toys.LONGEST).clamp(max=n_items)
    model.recommend(history[:64], lengths[:64], k=10, beam_size=beam_size)  # what is allocated once
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # or memory freed while the catalogue was built would be used again
    before = reset_peak_memory()
    items, _ = model.recommend(history, lengths, k=10, beam_size=beam_size)
    topk_hits(items, torch.arange(users), torch.randint(1, n_items + 1, (users,)))
    return peak_memory() - before


def main() -> None:
    """Print the ratio of each catalogue to the one before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1024)
    parser.add_argument("--beam_size", type=int, default=20)
    parser.add_argument("--items", type=int, help="measure one catalogue and print its MiB")
    arguments = parser.parse_args()
    if arguments.items:
        print(json.dumps(batch_memory(arguments.items, arguments.users, arguments.beam_size)))
        return
    command = [sys.executable, "-m", "benchmarks.evaluation_memory", "--users", str(arguments.users)]
    command += ["--beam_size", str(arguments.beam_size), "--items"]
    memory = [
        statistics.median(
            json.loads(subprocess.run([*command, str(size)], check=True, capture_output=True, text=True).stdout)
            for _ in range(ROUNDS)
        )
        for size in SIZES
    ]
    for number in (1, 2):
        # A prefix has more children in a larger catalogue, up to the K codewords of a level; then nothing grows.
        dense = arguments.users * SIZES[number] * 4 / 1024**2
        Measurement(
            stage=f"evaluation memory, {SIZES[number]:,} items",
            against=f"{SIZES[number - 1]:,} items",
            value=memory[number] / memory[number - 1],
            target=1.2,
            at_least=False,
            detail=f"{memory[number]:.0f} against {memory[number - 1]:.0f} MiB, {arguments.users:,} users; "
            f"scores of all items: {dense:,.0f} MiB",
        ).print()


if __name__ == "__main__":
    main()
