"""Batches of examples with histories of similar length, in an order that seed and epoch determine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Batches that are sorted by length together: enough to save padding, few enough to keep them mixed.
POOL_BATCHES = 50


class LengthBuckets:
    """Every example once, B at a time; examples of a batch have similar lengths, batches come in random order."""

    def __init__(self, lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> None:
        """Take the history lengths of the E examples; the order is a function of `seed` and `epoch` alone."""
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield the row numbers of each batch, [B], the last one possibly shorter."""
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        pool = self.batch_size * POOL_BATCHES
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += [rows[cut : cut + self.batch_size] for cut in range(0, len(rows), self.batch_size)]
        for place in random.permutation(len(batches)):
            yield batches[place]
