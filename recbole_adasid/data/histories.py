"""Whole histories as examples: each interaction but a user's first is predicted once, many from one sequence.

Letters: R runs, C pieces, B pieces of a batch, T most items that a prediction sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
POOL_BATCHES = 50
"""Batches whose sequences are sorted by length together: enough to save padding, few enough to keep them mixed."""


@dataclass(frozen=True)
class Sequences:
    """Slices of one flat array of items, each of one user in the order of time."""

    starts: IntArray
    """Where each begins."""
    lengths: IntArray
    """Items of each, 2 or more."""
    skipped: IntArray
    """How many of the items behind the first are read but not predicted; the others are."""

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: slice | IntArray) -> Sequences:
        """Return some of them."""
        return Sequences(self.starts[rows], self.lengths[rows], self.skipped[rows])

    @property
    def predicted(self) -> IntArray:
        """Items of each that are predicted."""
        return self.lengths - 1 - self.skipped


def runs_of_targets(targets: IntArray, history_starts: IntArray) -> Sequences:
    """Return the longest sequences whose items, behind those skipped, are exactly the given targets, by place.

    Args:
        targets: places of the targets in the flat array [E], in any order, none twice; the first item of a user is
            never one.
        history_starts: where the history of each begins [E].
    """
    order = np.argsort(targets, kind="stable")
    targets, history_starts = targets[order], history_starts[order]
    begins = np.flatnonzero(np.diff(targets, prepend=-2) != 1)
    last = targets[np.r_[begins[1:], len(targets)] - 1] if len(targets) else targets
    starts = history_starts[begins]
    return Sequences(starts, last - starts + 1, targets[begins] - starts - 1)


def cut(runs: Sequences, longest: int, random: np.random.Generator) -> Sequences:
    """Cut sequences so that no item is predicted from more than ``longest`` others.

    A longer sequence is cut at a random place and from there on every ``longest`` items; two neighbours share the item
    at the cut, which the one predicts and the other begins with.
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
    """Every sequence once, so many together that about B items are predicted; those of a batch have similar lengths.

    Args:
        runs: what is trained on.
        longest: T.
        batch_size: B; a batch has more by less than what its last sequence predicts.
        seed, epoch: on which alone cuts and order depend.
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
