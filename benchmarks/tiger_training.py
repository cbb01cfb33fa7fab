"""TIGER's training step against Hugging Face's T5 of the same size on padded batches, as in most implementations.

    python -m benchmarks.tiger_training

Each trains in a separate process, because ours keeps freed memory (`recbole_adasid/compute/allocator.py`), which is a
per-process setting. One row gives the peer the same setting, which it does not use by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import networks, toys
from benchmarks.measuring import InTurn, Measurement, median_ratio, take_turns
from recbole_adasid.compute.allocator import keep_freed_memory
from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.model.optimiser import adamw
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.plugin.datasets.batches import LengthBuckets

BATCH_SIZE = 256
POOL_BATCHES = 50  # what the trainer sorts by length together

PEERS = ("", "bfloat16", "memory kept")
"""Ways to train the peer: as it is usually run, in bfloat16, and with the allocator's settings that ours has."""

Step = Callable[[Tensor], None]


def our_step(model: TIGERModel) -> Step:
    """Return our training step on histories of the given lengths, as `plugin/trainer.py` takes it."""
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


def work(who: str, full: bool, arguments: argparse.Namespace) -> Callable[[], object]:
    """Return a round's work: of ours, or of one of the peers."""
    torch.manual_seed(0)
    ours = networks.our_model(toys.semantic_ids(None), arguments.size).train()
    pool = torch.full((BATCH_SIZE,), toys.LONGEST) if full else toys.history_lengths(BATCH_SIZE * POOL_BATCHES)
    if who == "ours":
        step, batches = our_step(ours), [pool] if full else spread_batches(pool, arguments.batches)
    else:  # its batches all cost the same
        peer = networks.peer_model(ours.catalogue, arguments.size).train()
        step = peer_step(peer, networks.peer_tokens(ours.catalogue), bfloat16="bfloat16" in who)
        batches = [pool[:BATCH_SIZE]]
    if who == "ours" or "memory kept" in who:
        keep_freed_memory()
    return lambda: [step(batch) for batch in batches]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="our batches in a round")
    parser.add_argument("--size", default="paper", choices=("tiny", "small", "paper"))
    parser.add_argument("--who", help=f"be a process that trains: ours, or one of {PEERS}")
    parser.add_argument("--full", action="store_true", help="with --who: all histories have 20 items")
    arguments = parser.parse_args()
    if arguments.who is not None:
        take_turns(work(arguments.who, arguments.full, arguments))
        return
    for case, full, target in (("real lengths", False, 6.0), ("all of 20 items", True, 2.0)):
        for peer in PEERS:
            measure(case, full, peer, target, arguments)


def measure(case: str, full: bool, peer: str, target: float, arguments: argparse.Namespace) -> None:
    """Time one case; a round is all our batches against one of the peer's."""
    options = [f"--batches={arguments.batches}", f"--size={arguments.size}", *(["--full"] if full else [])]
    ours, theirs = (InTurn("benchmarks.tiger_training", f"--who={who}", *options) for who in ("ours", peer))
    ratio, ours_s, peer_s = median_ratio(ours, theirs, arguments.rounds)
    ours.end(), theirs.end()
    n_batches = 1 if full else arguments.batches
    Measurement(
        stage=f"TIGER training, {arguments.size} size, {case}",
        against=", ".join(["Hugging Face T5, padded batches of 256", *filter(None, [peer])]),
        value=ratio * n_batches,
        target=target,
        detail=f"{BATCH_SIZE * n_batches / ours_s:,.0f} against {BATCH_SIZE / peer_s:,.0f} examples/s",
    ).print()


if __name__ == "__main__":
    main()
