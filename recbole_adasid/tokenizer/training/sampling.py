"""Batches for tokenizer training: collaborative pairs drawn by weight, plus uniformly drawn items."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.pairs.item_pairs import ItemPairs


class PairBatch(NamedTuple):
    """The items of one training step, one row each however often drawn, and the pairs among them.

    An item drawn twice has the same latent and codes both times, so it is computed once and counted twice.
    """

    items: Tensor
    """int64 [U], the different items, ascending."""
    counts: Tensor
    """float32 [U], how often each was drawn; M = 2B + S in all."""
    trigger: Tensor
    """int64 [B], the row of each pair's trigger."""
    target: Tensor
    """int64 [B], the row of each pair's target."""

    @classmethod
    def of(cls, drawn: Tensor, n_pairs: int) -> PairBatch:
        """Build the batch from ``drawn`` items int64 [M]: B = ``n_pairs`` triggers, their targets, then solo items."""
        items, row, counts = drawn.unique(return_inverse=True, return_counts=True)
        return cls(items, counts.float(), row[:n_pairs], row[n_pairs : 2 * n_pairs])


class PairSampler:
    """Draw B pairs with probability proportional to a power of their weight, and S solo items uniformly.

    Swing pairs cover only part of a sparse catalogue; without the solo items the rest would get codes from an encoder
    that never saw them.

    Args:
        pairs: P weighted pairs. If None or empty, all 2B + S items are drawn uniformly.
        n_items: N.
        batch_pairs: B.
        batch_solo_items: S.
        generator: source of randomness.
        weight_power: p in probability ∝ weight^p; 1 follows the weights, 0 is uniform over weighted pairs.
    """

    def __init__(
        self,
        *,
        pairs: ItemPairs | None,
        n_items: int,
        batch_pairs: int,
        batch_solo_items: int,
        generator: torch.Generator,
        weight_power: float = 1.0,
    ) -> None:
        self.n_items, self.generator = n_items, generator
        self.batch_pairs, self.batch_solo_items = batch_pairs, batch_solo_items
        self.has_pairs = pairs is not None and len(pairs.trigger) > 0
        if pairs is not None and self.has_pairs:
            self.endpoints = torch.stack([torch.from_numpy(pairs.trigger), torch.from_numpy(pairs.target)])
            weight = torch.from_numpy(pairs.weight).double()
            self.cumulative = torch.where(weight > 0, weight.pow(weight_power), 0.0).cumsum(0)

    def draw(self) -> PairBatch:
        """Draw the batch of one step."""
        if not self.has_pairs:
            return PairBatch.of(self._uniform(2 * self.batch_pairs + self.batch_solo_items), 0)
        position = torch.rand(self.batch_pairs, generator=self.generator, dtype=torch.float64) * self.cumulative[-1]
        chosen = torch.searchsorted(self.cumulative, position, right=True).clamp_max_(len(self.cumulative) - 1)
        solo = self._uniform(self.batch_solo_items)
        return PairBatch.of(torch.cat([*self.endpoints[:, chosen], solo]), self.batch_pairs)

    def _uniform(self, count: int) -> Tensor:
        return torch.randint(self.n_items, (count,), generator=self.generator)
