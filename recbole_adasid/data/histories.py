"""Whole histories as examples: each interaction except a user's first is predicted once, many per sequence.

Letters: R runs, C pieces, B pieces of a batch, T maximum items visible to a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
POOL_BATCHES = 50
"""Batches whose sequences are sorted by length together: enough to save padding, few enough to stay mixed."""


@dataclass(frozen=True)
class Sequences:
    """Slices of one flat array of items, each of one user in chronological order."""

    starts: IntArray
    """Start of each."""
    lengths: IntArray
    """Length of each, at least 2."""
    skipped: IntArray
    """How many items after the first are context only; the rest are predicted."""

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: slice | IntArray) -> Sequences:
        """Return a subset."""
        return Sequences(self.starts[rows], self.lengths[rows], self.skipped[rows])

    @property
    def predicted(self) -> IntArray:
        """Number of predicted items of each."""
        return self.lengths - 1 - self.skipped


def runs_of_targets(targets: IntArray, history_starts: IntArray) -> Sequences:
    """Return the longest sequences whose items, after the context, are exactly the given targets, by place.

    Args:
        targets: places of the targets in the flat array [E], in any order, without repeats; never a user's first
            item.
        history_starts: start of each history [E].
    """
    order = np.argsort(targets, kind="stable")
    targets, history_starts = targets[order], history_starts[order]
    begins = np.flatnonzero(np.diff(targets, prepend=-2) != 1)
    last = targets[np.r_[begins[1:], len(targets)] - 1] if len(targets) else targets
    starts = history_starts[begins]
    return Sequences(starts, last - starts + 1, targets[begins] - starts - 1)


def cut(runs: Sequences, longest: int, random: np.random.Generator) -> Sequences:
    """Cut sequences so that no item is predicted from more than ``longest`` others.

    A longer sequence is cut at a random place and from there every ``longest`` items; neighbouring pieces share the
    item at the cut, which one predicts and the next starts with.
    """
    steps = runs.lengths - 1
    long = steps > longest
    first = np.where(long, random.integers(1, longest + 1, len(runs)), steps)
    pieces = 1 + -(-(steps - first) // longest)
    run = np.repeat(np.arange(len(runs)), pieces)
    number = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = np.where(number == 0, 0, first[run] + (number - 1) * longest)
    end = np.minimum(first[run] + number * longest, steps[run])
    skipped = np.clip(runs.skipped[run] - begin, 0, end - begin)
    found = Sequences(runs.starts[run] + begin, end - begin + 1, skipped)
    return found[np.flatnonzero(found.predicted > 0)] if runs.skipped.any() else found


class SequenceBatches:
    """Batches of sequences, each used once, with about B predicted items and similar lengths per batch.

    Args:
        runs: training sequences.
        longest: T.
        batch_size: B; a batch exceeds it by less than its last sequence predicts.
        seed, epoch: the only inputs of cuts and order.
    """

    def __init__(self, runs: Sequences, *, longest: int, batch_size: int, seed: int, epoch: int) -> None:
        random = np.random.default_rng([seed, epoch])
        found = cut(runs, longest, random)
        order = random.permutation(len(found))
        per_pool = max(1, round(batch_size * POOL_BATCHES / max(1.0, float(found.predicted.mean()))))
        pool = np.arange(len(found)) // per_pool
        self.sequences = found[order[np.lexsort((found.lengths[order], pool))]]
        before = np.cumsum(self.sequences.predicted) - self.sequences.predicted
        self._begins = np.flatnonzero(np.diff(before // batch_size, prepend=-1))
        self._order = random.permutation(len(self._begins))

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._begins)

    def __iter__(self) -> Iterator[Sequences]:
        """Yield the sequences of each batch, batches in random order."""
        ends = np.r_[self._begins[1:], len(self.sequences)]
        for batch in self._order:
            yield self.sequences[self._begins[batch] : ends[batch]]
