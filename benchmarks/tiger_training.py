"""How fast TIGER's small network trains and decodes on this machine, in float32 and in bfloat16.

The two precisions take turns, batch after batch, so that a busy machine slows both alike: trust the ratio more than
the rates. Items are random; histories have the lengths that training examples have in Amazon Toys.

    OMP_NUM_THREADS=2 python benchmarks/tiger_training.py --seconds 20
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel

N_ITEMS = 11_924
# Percentage of training examples whose history has 1, 2, … 20 items (the last also counts longer ones, cut to 20).
LENGTHS = [17.8, 17.8, 11.7, 8.2, 6.2, 4.8, 3.8, 3.1, 2.6, 2.2, 1.9, 1.6, 1.4, 1.3, 1.1, 1.0, 0.9, 0.8, 0.7, 11.1]
PRECISIONS = (torch.float32, torch.bfloat16)

Batch = tuple[Tensor, Tensor, Tensor]


def small_model() -> TIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(256, (N_ITEMS, 3)), [256, 256, 256])
    network = TIGERNetwork(
        level_sizes=catalogue.level_sizes,
        d_model=128,
        d_head=32,
        n_heads=4,
        d_ff=512,
        n_encoder_layers=2,
        n_decoder_layers=2,
        dropout=0.1,
    )
    return TIGERModel(network=network, catalogue=catalogue)


def bucketed_batches(n_batches: int, batch_size: int) -> list[Batch]:
    """Draw histories, sort them by length and cut them into batches in random order, as the trainer does."""
    lengths = torch.multinomial(torch.tensor(LENGTHS), n_batches * batch_size, replacement=True) + 1
    batches = []
    for batch_lengths in lengths.sort().values.split(batch_size):
        width = int(batch_lengths.max())
        history = torch.randint(1, N_ITEMS + 1, (batch_size, width)) * (torch.arange(width) < batch_lengths[:, None])
        batches.append((history, batch_lengths, torch.randint(1, N_ITEMS + 1, (batch_size,))))
    return [batches[i] for i in torch.randperm(n_batches)]


def precision(dtype: torch.dtype) -> contextlib.AbstractContextManager[object]:
    return torch.autocast("cpu", dtype) if dtype != torch.float32 else contextlib.nullcontext()


def training_step(model: TIGERModel) -> Callable[[Batch], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step(batch: Batch) -> None:
        loss = model.training_loss(*batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def recommendation_step(model: TIGERModel, beam_size: int) -> Callable[[Batch], None]:
    def step(batch: Batch) -> None:
        model.recommend(batch[0], batch[1], k=10, beam_size=beam_size)

    return step


def compare(name: str, steps: list[Callable[[Batch], None]], batches: list[Batch], seconds: float) -> None:
    """Time one step function for each precision, taking turns, and print rates and their ratio."""
    spent, done = [0.0, 0.0], 0
    for number, batch in enumerate(repeat(batches)):
        if number >= len(batches) and sum(spent) > seconds:
            break
        for turn, (dtype, step) in enumerate(zip(PRECISIONS, steps)):
            started = time.perf_counter()
            with precision(dtype):
                step(batch)
            if number >= 3:  # the first batches warm up
                spent[turn] += time.perf_counter() - started
        done += len(batch[0]) if number >= 3 else 0
    single, half = (done / time_spent for time_spent in spent)
    print(f"{name}: float32 {single:,.0f}/s, bfloat16 {half:,.0f}/s, ratio {half / single:.2f}")


def repeat(batches: list[Batch]) -> Iterator[Batch]:
    while True:
        yield from batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="time for each of the two comparisons")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--beam-size", type=int, default=20)
    arguments = parser.parse_args()
    batches = bucketed_batches(40, arguments.batch_size)
    models = [small_model().train() for _ in PRECISIONS]
    compare("training examples", [training_step(model) for model in models], batches, arguments.seconds)
    for model in models:
        model.eval()
    steps = [recommendation_step(model, arguments.beam_size) for model in models]
    compare(f"users recommended to (beam {arguments.beam_size})", steps, batches, arguments.seconds)


if __name__ == "__main__":
    main()
