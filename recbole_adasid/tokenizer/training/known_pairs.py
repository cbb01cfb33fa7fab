"""Which items of a batch are known pairs, though they were not drawn together (a choice: not in AdaSID's paper)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer.training.sampling import PairBatch


class KnownPairs:
    """All pairs, listed by item, in both directions.

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
