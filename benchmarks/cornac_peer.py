"""TIGER's training in one pass over whole histories, against the TIGER of Cornac 3.0.1.

    pip install cornac==3.0.1 transformers
    python -m benchmarks.cornac_peer

Cornac's own loop trains on the same synthetic sequences, with the lengths of Amazon Toys, and the same Semantic IDs:
one example per position, histories padded to 20 items. Each trains in a separate process; the metric is examples
(predicted items) per second. If Cornac is not installed, the script says so and measures nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import networks, one_pass, toys
from benchmarks.measuring import InTurn, Measurement, median_ratio, take_turns
from benchmarks.tiger_training import BATCH_SIZE

OURS = next(iter(one_pass.WAYS))
NEEDED = ("cornac", "transformers")


class TrainingSet:
    """What Cornac's loop reads of its own data set: interactions, and which of them are a session's.

    Attributes:
        uir_tuple: users, item rows and ratings, each [I].
        sessions: places in them by session, oldest first.
        examples: items that are predicted.
    """

    def __init__(self, users: int) -> None:
        items, runs = one_pass.sequences(users)
        self.uir_tuple = np.repeat(np.arange(users), runs.lengths), items - 1, np.ones(len(items))
        self.sessions = {user: range(start, start + length) for user, (start, length) in enumerate(zip(*_slices(runs)))}
        self.examples = int(runs.predicted.sum())

    @classmethod
    def of_examples(cls, count: int) -> TrainingSet:
        """Return the smallest training set of at least ``count`` examples."""
        predicted = one_pass.sequences(count)[1].predicted.cumsum()
        return cls(int(np.searchsorted(predicted, count)) + 1)


def _slices(runs: Any) -> tuple[list[int], list[int]]:
    return runs.starts.tolist(), runs.lengths.tolist()


def cornac_model(size: str, data: TrainingSet) -> Any:
    """Return Cornac's TIGER of a size of `props/model/TIGER.yaml`, ready to train on random Semantic IDs."""
    from cornac.models import TIGER

    sizes = networks.model_size(size)
    model = TIGER(
        d_model=sizes["d_model"],
        d_ff=sizes["d_ff"],
        num_heads=sizes["n_heads"],
        d_kv=sizes["d_head"],
        num_enc_layers=sizes["n_encoder_layers"],
        num_dec_layers=sizes["n_decoder_layers"],
        dropout=networks.DROPOUT,
        max_len=toys.LONGEST,
        batch_size=BATCH_SIZE,
        n_epochs=1,
        seed=0,
    )
    model.train_set, model.num_items, model.device_ = data, toys.N_ITEMS, "cpu"
    model._build_semantic_ids(toys.semantic_ids(None).numpy())
    return model


def cornac_round(size: str, batches: int) -> tuple[Callable[[], object], int]:
    """Return an epoch of Cornac's own loop over so many batches (its network is drawn anew), and the examples in it."""
    data = TrainingSet.of_examples(BATCH_SIZE * batches)
    model = cornac_model(size, data)
    return lambda: model._fit_seq2seq(torch, None), data.examples


def missing() -> list[str]:
    """Return which of the packages that this needs are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="our batches in a round")
    parser.add_argument("--their_batches", type=int, default=1, help="Cornac's batches in a round")
    parser.add_argument("--size", action="append", choices=("tiny", "small", "paper"), help="default: small and paper")
    parser.add_argument("--cornac", action="store_true", help="be the process that trains Cornac's TIGER")
    arguments = parser.parse_args()
    if lacking := missing():
        print(f"Not measured: {' and '.join(lacking)} not installed (pip install cornac==3.0.1 transformers).")
        return
    sizes = arguments.size or ["small", "paper"]
    if arguments.cornac:
        take_turns(cornac_round(sizes[0], arguments.their_batches)[0])
        return
    for size in sizes:
        measure(size, arguments)


def measure(size: str, arguments: argparse.Namespace) -> None:
    """Time the two of one size."""
    ours = InTurn("benchmarks.one_pass", f"--who={OURS}", f"--size={size}", f"--batches={arguments.batches}")
    options = [f"--size={size}", f"--their_batches={arguments.their_batches}"]
    theirs = InTurn("benchmarks.cornac_peer", "--cornac", *options)
    _, our_seconds, their_seconds = median_ratio(ours, theirs, arguments.rounds)
    ours.end()
    theirs.end()
    our_rate = one_pass.round_of(OURS, size, arguments.batches)[1] / our_seconds
    their_rate = TrainingSet.of_examples(BATCH_SIZE * arguments.their_batches).examples / their_seconds
    Measurement(
        stage=f"TIGER training, {size} size, {OURS}",
        against="Cornac 3.0.1's TIGER",
        value=our_rate / their_rate,
        target=20.0,
        detail=f"{our_rate:,.0f} against {their_rate:,.0f} examples/s",
    ).print()


if __name__ == "__main__":
    main()
