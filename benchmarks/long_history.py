"""Many callers at once, one of them with a long history, and lists longer than the catalogue.

python -m benchmarks.long_history

The recommender has a random catalogue and is untrained; training does not affect its speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from benchmarks import networks
from benchmarks.measuring import Measurement, median_ratio, peak_memory, reset_peak_memory
from recbole_adasid.serving.recommender import Recommender

CALLERS = 512
SHORT = 30


def recommender(n_items: int) -> Recommender:
    """Return a recommender of random Semantic IDs and weights; its items are named by their numbers."""
    torch.manual_seed(0)
    model = networks.our_model(torch.randint(256, (n_items, 3)), "tiny").eval()
    return Recommender(model, [str(item) for item in range(n_items)], max_history=20, beam_size=20)


def callers(n_items: int, longest: int) -> list[list[str]]:
    """Return histories of 30 items, the first of ``longest``."""
    random = np.random.default_rng(0)
    lengths = [longest] + [SHORT] * (CALLERS - 1)
    return [[str(item) for item in random.permutation(n_items)[:length]] for length in lengths]


def print_ratio(stage: str, against: str, work: Callable[[], object], base: Callable[[], object], rounds: int) -> None:
    """Print how many times as long as ``base`` the ``work`` takes, and the memory of both."""
    ratio, base_s, work_s = median_ratio(base, work, rounds)
    memory = []
    for one in (work, base):
        before = reset_peak_memory()
        one()
        memory.append(peak_memory() - before)
    detail = f"{work_s:.2f} against {base_s:.2f} s, {memory[0]:,.0f} against {memory[1]:,.0f} MiB"
    Measurement(stage, against, ratio, 1.5, at_least=False, detail=detail).print()


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--longest", type=int, default=10_000, help="items of the long history")
    parser.add_argument(
        "--few_items", type=int, default=1_682, help="items of the catalogue that a list is longer than"
    )
    parser.add_argument("--k", type=int, default=5_000, help="length of that list")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    large, few = recommender(given.items), recommender(given.few_items)
    with_long, without = callers(given.items, given.longest), callers(given.items, SHORT)
    print_ratio(
        f"{CALLERS} callers, one with a history of {given.longest:,} items",
        f"all with {SHORT}",
        lambda: large.recommend_many(with_long, 10),
        lambda: large.recommend_many(without, 10),
        given.rounds,
    )
    history = ["1", "2", "3"]
    print_ratio(
        f"a list of {given.k:,} from a catalogue of {given.few_items:,}",
        f"a list of {given.few_items:,}",
        lambda: few.recommend(history, given.k),
        lambda: few.recommend(history, given.few_items),
        given.rounds,
    )


if __name__ == "__main__":
    main()
