"""Batches for tokenizer training: collaborative pairs drawn by weight, plus uniformly drawn items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
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


class KnownPairs:
    """All pairs, listed by item, in both directions: a batch has some that were not drawn together.

    They are spared by choice, not as in AdaSID's paper.

    Args:
        pairs: P pairs.
        n_items: N.
    """

    def __init__(self, pairs: ItemPairs, *, n_items: int) -> None:
        keys = np.concatenate([pairs.trigger * n_items + pairs.target, pairs.target * n_items + pairs.trigger])
        item, partner = np.divmod(np.unique(keys), n_items)
        self.partner = torch.from_numpy(partner)
        self.start = torch.from_numpy(np.searchsorted(item, np.arange(n_items + 1)))
        self.n_items = n_items

    def among(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return the rows, int64 [E] each, of the batch's triggers and their partners in the batch."""
        trigger = batch.trigger.unique()
        items = batch.items[trigger]
        begin = self.start[items]
        n_partners = self.start[items + 1] - begin
        first = trigger.repeat_interleave(n_partners)
        offset = (begin - (n_partners.cumsum(0) - n_partners)).repeat_interleave(n_partners)
        partner = self.partner[torch.arange(len(first)) + offset]
        row_of = torch.full((self.n_items,), -1)
        row_of[batch.items] = torch.arange(len(batch.items))
        second = row_of[partner]
        inside = second >= 0
        return first[inside], second[inside]
