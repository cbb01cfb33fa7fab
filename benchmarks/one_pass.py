"""TIGER's training in one pass over whole histories, against one example per position and against Hugging Face's T5.

    python -m benchmarks.one_pass

Histories have the lengths of Amazon Toys. Each variant trains in a separate process; a round is some batches of each,
and the metric is examples (predicted items) per second.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import networks, toys
from benchmarks.measuring import InTurn, Measurement, median_ratio, take_turns
from benchmarks.tiger_training import BATCH_SIZE, POOL_BATCHES, our_step, peer_step, spread_batches
from recbole_adasid.compute.allocator import keep_freed_memory
from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.data.histories import SequenceBatches, Sequences
from recbole_adasid.model.optimiser import adamw
from recbole_adasid.model.tiger import TIGERModel

# Percentage of the users of Amazon Toys who have 1, 2, … 20 training examples (the last also counts those of more).
USERS = [0.0, 33.9, 19.7, 11.7, 7.8, 5.3, 4.1, 2.8, 2.2, 1.7, 1.6, 1.2, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 3.8]
WAYS = {
    "one pass, items": {"encoder_attention": "causal", "encoder_input": "items"},
    "one pass, tokens": {"encoder_attention": "causal", "encoder_input": "tokens"},
    "one example a position": {"encoder_attention": "bidirectional", "encoder_input": "tokens"},
}
PEER = "Hugging Face T5, padded batches of 256"


def sequences(count: int) -> tuple[NDArray[np.int64], Sequences]:
    """Return random items and how many users' sequences lie in them, of the lengths of Amazon Toys."""
    random = np.random.default_rng(0)
    weights = np.array(USERS) / sum(USERS)
    lengths = random.choice(np.arange(1, len(USERS) + 1), count, p=weights) + 1
    starts = np.cumsum(lengths) - lengths
    items = random.integers(1, toys.N_ITEMS + 1, int(lengths.sum()))
    return items, Sequences(starts, lengths, np.zeros(count, dtype=np.int64))


def one_pass_round(model: TIGERModel, batches: int) -> tuple[Callable[[], object], int]:
    """Return a round of so many batches, evenly from the shortest to the longest, and the examples in it."""
    items, runs = sequences(BATCH_SIZE * POOL_BATCHES // 5)
    found = sorted(
        SequenceBatches(runs, longest=toys.LONGEST, batch_size=BATCH_SIZE, seed=0, epoch=0),
        key=lambda batch: int(batch.lengths.max()),
    )
    chosen = [found[int(len(found) / batches * (number + 0.5))] for number in range(batches)]
    optimizer, bfloat16 = adamw(model, learning_rate=1e-3, weight_decay=0.05), has_bfloat16(torch.device("cpu"))

    def step(batch: Sequences) -> None:
        columns = np.arange(batch.lengths.max())
        inside = columns < batch.lengths[:, None]
        padded = np.zeros(inside.shape, dtype=np.int64)
        padded[inside] = items[(batch.starts[:, None] + columns)[inside]]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = model.sequence_loss(torch.from_numpy(padded), torch.from_numpy(batch.lengths))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return lambda: [step(batch) for batch in chosen], sum(int(batch.predicted.sum()) for batch in chosen)


def round_of(who: str, size: str, batches: int) -> tuple[Callable[[], object], int]:
    """Return one round's work of a way to train, and how many examples it has."""
    torch.manual_seed(0)
    if who == PEER:
        ours = networks.our_model(toys.semantic_ids(None), size)
        peer = networks.peer_model(ours.catalogue, size).train()
        step = peer_step(peer, networks.peer_tokens(ours.catalogue), bfloat16=False)
        lengths = toys.history_lengths(BATCH_SIZE)
        return lambda: step(lengths), BATCH_SIZE
    keep_freed_memory()
    model = networks.our_model(toys.semantic_ids(None), size, **WAYS[who]).train()
    if model.network.causal:
        return one_pass_round(model, batches)
    train, pool = our_step(model), toys.history_lengths(BATCH_SIZE * POOL_BATCHES)
    chosen = spread_batches(pool, batches)
    return lambda: [train(batch) for batch in chosen], BATCH_SIZE * batches


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="our batches in a round")
    parser.add_argument("--size", default="small", choices=("tiny", "small", "paper"))
    parser.add_argument("--who", help="be a process that trains in this way")
    arguments = parser.parse_args()
    if arguments.who is not None:
        take_turns(round_of(arguments.who, arguments.size, arguments.batches)[0])
        return
    first, tokens, before = WAYS
    measure(first, before, "small", 3.0, arguments)
    measure(tokens, before, "small", 3.0, arguments)
    measure(first, PEER, "small", 20.0, arguments)
    measure(first, PEER, "paper", 20.0, arguments)


def measure(ours: str, theirs: str, size: str, target: float, arguments: argparse.Namespace) -> None:
    """Time one way against another."""
    options = [f"--batches={arguments.batches}", f"--size={size}"]
    processes = [InTurn("benchmarks.one_pass", f"--who={who}", *options) for who in (ours, theirs)]
    _, our_seconds, their_seconds = median_ratio(*processes, arguments.rounds)
    for process in processes:
        process.end()
    counts = [round_of(who, size, arguments.batches)[1] for who in (ours, theirs)]
    rates = counts[0] / our_seconds, counts[1] / their_seconds
    Measurement(
        stage=f"TIGER training, {size} size, {ours}",
        against=theirs,
        value=rates[0] / rates[1],
        target=target,
        detail=f"{rates[0]:,.0f} against {rates[1]:,.0f} examples/s",
    ).print()


if __name__ == "__main__":
    main()
