"""Batches of examples with similar history lengths, in an order determined by seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.histories import POOL_BATCHES
from recbole_adasid.data.sequences import SequenceExamples


class LogLengths:
    """Lengths of the E histories of a log, computed on access."""

    def __init__(self, part: SequenceExamples) -> None:
        self._part = part

    def __len__(self) -> int:
        """Return E."""
        return len(self._part)

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the lengths [B] of some histories."""
        return self._part.locate(np.asarray(rows, dtype=np.int64)).lengths


Lengths = Union[NDArray[np.int64], LogLengths]
"""Lengths of E histories: an array, or computed on demand."""


class LengthBuckets:
    """Every example once, B at a time: similar lengths within a batch, batches in random order."""

    def __init__(self, lengths: Lengths, *, batch_size: int, seed: int, epoch: int) -> None:
        """Take the history lengths of the E examples; the order depends on `seed` and `epoch` alone."""
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
        order: NDArray[np.integer] = np.arange(
            len(self.lengths), dtype=np.int32 if len(self.lengths) < 2**31 else np.int64
        )
        random.shuffle(order)
        pool = self.batch_size * POOL_BATCHES
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            lengths = self.lengths[rows]
            rows[:] = rows[np.argsort(lengths, kind="stable")]
        for place in random.permutation(len(self)):  # a pool is a whole number of batches, except the last one
            yield order[place * self.batch_size : (place + 1) * self.batch_size].astype(np.int64)
