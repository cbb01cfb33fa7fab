"""Training windows as indices into one flat array of items: no window is stored twice.

Letters: E examples, B batch, T longest history of a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.data.ordering import lexsort

IntArray = NDArray[np.int64]


def flatten_sequences(users: ArrayLike, timestamps: ArrayLike) -> IntArray:
    """Return the order that groups interactions by user, oldest first.

    The sort is stable and compares times in float64: equal times keep the file order, and Unix seconds
    or milliseconds are not rounded (float32 would merge moments up to 128 s apart). Inputs and result: [I].
    """
    return lexsort((np.asarray(timestamps, dtype=np.float64), np.asarray(users)))


class SequenceWindows:
    """E histories, slices of one flat item array: memory grows with interactions, not with windows."""

    def __init__(self, *, flat_items: ArrayLike, starts: ArrayLike, lengths: ArrayLike) -> None:
        """Store the flat items [I] and, per history, its start [E] and length [E]."""
        self.flat_items: IntArray = np.ascontiguousarray(flat_items, dtype=np.int64)
        self.starts: IntArray = np.asarray(starts, dtype=np.int64)
        self.lengths: IntArray = np.asarray(lengths, dtype=np.int64)

    def __len__(self) -> int:
        """Return E, the number of histories."""
        return len(self.starts)

    def gather(self, index: ArrayLike) -> tuple[IntArray, IntArray]:
        """Return histories `index` [B]: items [B, T], oldest first, padded right with 0; lengths [B]."""
        rows = np.asarray(index, dtype=np.int64)
        return gather_histories(self.flat_items, self.starts[rows], self.lengths[rows])


def gather_histories(flat_items: NDArray[np.integer], starts: IntArray, lengths: IntArray) -> tuple[IntArray, IntArray]:
    """Return the histories with starts [B] and lengths [B]: items [B, T], padded right with 0; lengths [B]."""
    columns = np.arange(lengths.max(initial=0))
    inside = columns < lengths[:, None]
    history = np.zeros(inside.shape, dtype=np.int64)
    history[inside] = flat_items[(starts[:, None] + columns)[inside]]
    return history, lengths


def build_windows(
    users_sorted: ArrayLike, items_sorted: ArrayLike, max_length: int
) -> tuple[SequenceWindows, IntArray, IntArray]:
    """Make one example of every interaction except each user's first, predicted from what came before.

    The interactions must be in the order of `flatten_sequences`. The result is the histories (up to `max_length`
    interactions right before the target), the targets [E] and their users [E], in that order.
    """
    users, items = np.asarray(users_sorted, dtype=np.int64), np.asarray(items_sorted, dtype=np.int64)
    position = np.arange(len(users))
    begins = np.r_[True, users[1:] != users[:-1]][: len(users)]
    first = np.maximum.accumulate(np.where(begins, position, 0))
    targets = np.flatnonzero(~begins)
    starts = np.maximum(first[targets], targets - max_length)
    windows = SequenceWindows(flat_items=items, starts=starts, lengths=targets - starts)
    return windows, items[targets], users[targets]
