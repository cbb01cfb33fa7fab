"""TIGER's training step against Hugging Face's T5 of the same size, on padded batches, as most implementations train.

python -m benchmarks.tiger_training
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import networks, toys
from benchmarks.measuring import Measurement, median_ratio
from recbole_adasid.host.batches import LengthBuckets
from recbole_adasid.model.optimiser import adamw
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.precision import has_bfloat16

BATCH_SIZE = 256
POOL_BATCHES = 50  # what the trainer sorts by length together

Step = Callable[[Tensor], None]


def our_step(model: TIGERModel) -> Step:
    """Return our training step on histories of the given lengths, as `host/trainer.py` takes it."""
    optimizer = adamw(model, learning_rate=1e-3, weight_decay=0.05)
    bfloat16 = has_bfloat16(torch.device("cpu"))

    def step(lengths: Tensor) -> None:
        history = toys.histories(lengths, int(lengths.max()))
        target = torch.randint(1, toys.N_ITEMS + 1, (len(lengths),))
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = model.training_loss(history, lengths, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def peer_step(model: torch.nn.Module, tokens: Tensor, *, bfloat16: bool) -> Step:
    """Return the peer's step: histories padded to 20 items, cross-entropy over the whole vocabulary."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)

    def step(lengths: Tensor) -> None:
        history = tokens[toys.histories(lengths, toys.LONGEST)].flatten(1)
        target = tokens[torch.randint(1, toys.N_ITEMS + 1, (len(lengths),))]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = model(input_ids=history, attention_mask=(history > 0).long(), labels=target).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def spread_batches(lengths: Tensor, count: int) -> list[Tensor]:
    """Return ``count`` of the length-sorted batches of a pool, evenly from the shortest to the longest."""
    buckets = LengthBuckets(lengths.numpy(), batch_size=BATCH_SIZE, seed=0, epoch=0)
    ordered = sorted((lengths[torch.from_numpy(rows)] for rows in buckets), key=lambda batch: int(batch.sum()))
    width = len(ordered) / count
    return [ordered[int(width * (number + 0.5))] for number in range(count)]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="our batches in a round")
    parser.add_argument("--size", default="paper", choices=("tiny", "small", "paper"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    ours = networks.our_model(toys.semantic_ids(None), arguments.size).train()
    peer = networks.peer_model(ours.catalogue, arguments.size).train()
    tokens = networks.peer_tokens(ours.catalogue)
    step = our_step(ours)
    pool = toys.history_lengths(BATCH_SIZE * POOL_BATCHES)
    full = torch.full((BATCH_SIZE,), toys.LONGEST)
    cases = [
        ("real lengths", spread_batches(pool, arguments.batches), pool[:BATCH_SIZE], 6.0),
        ("all of 20 items", [full], full, 2.0),
    ]
    for name, batches, padded, target in cases:
        for bfloat16 in (False, True):
            theirs = peer_step(peer, tokens, bfloat16=bfloat16)
            measure(name, step, batches, theirs, padded, target, bfloat16, arguments)


def measure(
    name: str,
    step: Step,
    batches: list[Tensor],
    theirs: Step,
    padded: Tensor,
    target: float,
    bfloat16: bool,
    arguments: argparse.Namespace,
) -> None:
    """Time one case; a round is all our batches against one of the peer's, whose batches all cost the same."""

    def run_ours() -> None:
        for batch in batches:
            step(batch)

    ratio, ours_s, peer_s = median_ratio(run_ours, lambda: theirs(padded), arguments.rounds)
    Measurement(
        stage=f"TIGER training, {arguments.size} size, {name}",
        against="Hugging Face T5, padded batches of 256" + (", bfloat16" if bfloat16 else ""),
        value=ratio * len(batches),
        target=target,
        detail=f"{BATCH_SIZE * len(batches) / ours_s:,.0f} against {BATCH_SIZE / peer_s:,.0f} examples/s",
    ).print()


if __name__ == "__main__":
    main()
