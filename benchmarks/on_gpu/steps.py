"""Training steps on the device and the batches they take: ours, and Hugging Face's T5 of the same size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks import networks, one_pass, toys
from benchmarks.on_gpu.scene import ITEMS, PAPER, Scene, installed
from recbole_adasid.data.histories import SequenceBatches
from recbole_adasid.model.optimiser import adamw

Batch = list[Tensor]
Loss = Callable[..., Tensor]
BATCHES = 5
"""Batches in a round, evenly from the shortest histories to the longest."""


class Rounds(NamedTuple):
    """A model in training and what a round consists of."""

    model: Any
    loss: Loss
    batches: list[Batch]
    examples: int

    def step(self, loss: Loss | None = None, *, learning_rate: float = 1e-3) -> Callable[[Batch], None]:
        """Return a training step, as `plugin/trainer.py` takes it, in bfloat16; ``loss`` in place of the own one."""
        loss, model = loss or self.loss, self.model
        optimizer = adamw(model, learning_rate=learning_rate, weight_decay=0.05)
        device = next(model.parameters()).device.type

        def step(batch: Batch) -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, dtype=torch.bfloat16):
                value = loss(*batch)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        for group in optimizer.param_groups:
            group["capturable"] = device == "cuda"  # for a graph; changes nothing of the fused step otherwise
        return step


def one_pass_of_items(scene: Scene, size: str, batch_size: int) -> Rounds:
    """Return TIGER's one pass over whole histories, an encoder of items."""
    return _one_pass(scene, scene.tiger(size, **ITEMS), batch_size)


def liger(scene: Scene, size: str, batch_size: int) -> Rounds:
    """Return LIGER's one pass: both losses, the dense one over all items."""
    return _one_pass(scene, scene.liger(size), batch_size)


def windows(scene: Scene, size: str, batch_size: int) -> Rounds:
    """Return TIGER as its paper has it: one example a position, an encoder of tokens in both directions."""
    model = scene.tiger(size, **PAPER).to(scene.device).train()
    pool = toys.history_lengths(batch_size * 10)
    batches = []
    for lengths in _spread(pool, batch_size):
        history = torch.randint(1, len(scene.codes) + 1, (len(lengths), int(lengths.max())))
        history *= torch.arange(history.shape[1]) < lengths[:, None]
        target = torch.randint(1, len(scene.codes) + 1, (len(lengths),))
        batches.append([part.to(scene.device) for part in (history, lengths, target)])
    return Rounds(model, model.training_loss, batches, sum(len(batch[0]) for batch in batches))


def peer(scene: Scene, size: str, batch_size: int) -> Rounds:
    """Return Hugging Face's T5, histories padded to 20 items.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    installed("transformers")
    catalogue = scene.tiger(size).catalogue
    model = networks.peer_model(catalogue, size).to(scene.device).train()
    tokens = networks.peer_tokens(catalogue).to(scene.device)
    items, _ = scene.histories(batch_size)
    history = tokens[items].flatten(1)
    target = tokens[torch.randint(1, len(scene.codes) + 1, (batch_size,), device=scene.device)]

    def loss(history: Tensor, target: Tensor) -> Tensor:
        return model(input_ids=history, attention_mask=(history > 0).long(), labels=target).loss

    return Rounds(model, loss, [[history, target]], batch_size)


def _spread(pool: Tensor, batch_size: int) -> list[Tensor]:
    """Return `BATCHES` batches of a pool of lengths, sorted by length, evenly from the shortest to the longest."""
    parts = pool.sort().values.split(batch_size)
    return [parts[int(len(parts) / BATCHES * (number + 0.5))] for number in range(BATCHES)]


def _one_pass(scene: Scene, model: Any, batch_size: int) -> Rounds:
    model = model.to(scene.device).train()
    model.training_tree  # noqa: B018 (built before anything is traced)
    items, runs = one_pass.sequences(batch_size * 10)
    items = 1 + items % len(scene.codes)
    found = sorted(
        SequenceBatches(runs, longest=toys.LONGEST, batch_size=batch_size, seed=0, epoch=0),
        key=lambda batch: int(batch.lengths.max()),
    )
    chosen = [found[int(len(found) / BATCHES * (number + 0.5))] for number in range(BATCHES)]
    batches = []
    for batch in chosen:
        columns = np.arange(batch.lengths.max())
        inside = columns < batch.lengths[:, None]
        padded = np.zeros(inside.shape, dtype=np.int64)
        padded[inside] = items[(batch.starts[:, None] + columns)[inside]]
        batches.append([torch.from_numpy(part).to(scene.device) for part in (padded, batch.lengths)])
    return Rounds(model, model.sequence_loss, batches, sum(int(batch.predicted.sum()) for batch in chosen))
