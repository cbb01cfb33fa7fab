"""Ranking held-out items among sampled ones, RecBole's modes `uniN` and `popN`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader import FullSortEvalDataLoader

from recbole_adasid.evaluation.full_ranking import first_places


def one_row_per_user(interaction: Any, row: torch.Tensor) -> Any:
    """Return the first of each user's rows: `interaction` has one for each candidate.

    Args:
        interaction: RecBole's, of all candidates.
        row: int64, the user's place in the batch, ascending from 0.
    """
    return interaction[torch.searchsorted(row, torch.arange(int(row[-1]) + 1, device=row.device))]


def best_candidates(scores: torch.Tensor, held_out: torch.Tensor, k: int) -> torch.Tensor:
    """Return the k best candidates of each user [B, k], best first; 0 if fewer can be recommended.

    Args:
        scores: [B, N + 1], −∞ for items that are no candidates.
        held_out: items, one per user or more. A single one comes after those with the same score.
    """
    if len(held_out) == len(scores):
        return first_places(scores, held_out.to(scores.device), k)
    best = scores.topk(min(k, scores.shape[1]), dim=1)
    items = best.indices.masked_fill(best.values.isneginf(), 0)
    return torch.nn.functional.pad(items, (0, k - items.shape[1]))


@contextmanager
def same_candidates(eval_data: Any, seed: int) -> Iterator[None]:
    """Draw the same candidates in every evaluation, so that epochs are compared on them, also after resuming.

    RecBole draws from numpy's global generator, whose state is restored. Processes of their own (`worker`) would each
    draw others, so the batches are made in this one, unless all items are ranked, which draws nothing.
    """
    state = np.random.get_state()
    workers = 0 if isinstance(eval_data, FullSortEvalDataLoader) else getattr(eval_data, "num_workers", 0)
    np.random.seed(seed)
    try:
        if workers:
            eval_data.num_workers = 0
        yield
    finally:
        np.random.set_state(state)
        if workers:
            eval_data.num_workers = workers
