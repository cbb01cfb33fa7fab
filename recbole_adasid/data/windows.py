"""Training windows as indices into one flat array of items: no window is stored twice.

Letters: E examples, B batch, T longest history of a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.data.ordering import lexsort

IntArray = NDArray[np.int64]


def flatten_sequences(users: ArrayLike, items: ArrayLike, timestamps: ArrayLike) -> IntArray:
    """Return the order that groups interactions by user, oldest first.

    The sort is stable and compares times in float64: equal times keep the file order, and Unix seconds
    or milliseconds are not rounded (float32 would merge moments up to 128 s apart). Inputs and result: [I].

    Raises:
        ValueError: if the three columns differ in length or a time is NaN.
    """
    user_ids, times = np.asarray(users), np.asarray(timestamps, dtype=np.float64)
    if not user_ids.shape == np.shape(items) == times.shape:
        raise ValueError(
            f"users, items and timestamps have lengths {user_ids.shape}, {np.shape(items)} and "
            f"{times.shape}: pass one entry per interaction in each."
        )
    if np.isnan(times).any():
        row = int(np.flatnonzero(np.isnan(times))[0])
        raise ValueError(f"The timestamp of interaction {row} is NaN: set a time for every interaction.")
    return lexsort((times, user_ids))


class SequenceWindows:
    """E histories, slices of one flat item array: memory grows with interactions, not with windows."""

    def __init__(self, *, flat_items: ArrayLike, starts: ArrayLike, lengths: ArrayLike) -> None:
        """Store the flat items [I] and, per history, its start [E] and length [E].

        Raises:
            ValueError: if starts and lengths differ in shape or a history exceeds the flat array.
        """
        self.flat_items: IntArray = np.ascontiguousarray(flat_items, dtype=np.int64)
        self.starts: IntArray = np.asarray(starts, dtype=np.int64)
        self.lengths: IntArray = np.asarray(lengths, dtype=np.int64)
        if self.starts.shape != self.lengths.shape:
            raise ValueError(
                f"starts has shape {self.starts.shape} and lengths {self.lengths.shape}: pass one of each per history."
            )
        ends = self.starts + self.lengths
        outside = (self.starts < 0) | (self.lengths < 0) | (ends > len(self.flat_items))
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise ValueError(
                f"History {row} spans {self.starts[row]}:{ends[row]}, outside the {len(self.flat_items)} "
                "flat items: pass starts and lengths that belong to them."
            )

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

    Raises:
        ValueError: if `max_length` is below 1, the columns differ in length, or a user's rows are scattered.
    """
    users, items = np.asarray(users_sorted, dtype=np.int64), np.asarray(items_sorted, dtype=np.int64)
    if max_length < 1:
        raise ValueError(f"max_length={max_length} leaves empty histories: pass 1 or more.")
    if users.shape != items.shape:
        raise ValueError(f"There are {len(users)} users for {len(items)} items: pass one user per interaction.")
    position = np.arange(len(users))
    begins = np.r_[True, users[1:] != users[:-1]][: len(users)]
    if begins.sum() != len(np.unique(users)):
        raise ValueError("A user's interactions are not contiguous: sort them with flatten_sequences first.")
    first = np.maximum.accumulate(np.where(begins, position, 0))
    targets = np.flatnonzero(~begins)
    starts = np.maximum(first[targets], targets - max_length)
    windows = SequenceWindows(flat_items=items, starts=starts, lengths=targets - starts)
    return windows, items[targets], users[targets]
