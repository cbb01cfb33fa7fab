"""Examples from users' sequences, computed on demand: memory grows with users, not with examples.

Letters: I interactions, U users, V users with two or more interactions, E examples of a part, B some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.histories import Sequences, runs_of_targets

IntArray = NDArray[np.int64]
_MOST_STEPS = 16


@dataclass(frozen=True)
class UserSequences:
    """Users' items in chronological order; arrays may be memory-mapped."""

    items: NDArray[np.integer]
    """Item ids [I], 1 … N, grouped by user."""
    starts: IntArray
    """[U + 1], where each user's items begin, plus the end of the last."""
    order: IntArray
    """Users [V] in the order of their examples."""
    longest: int
    """Maximum items of a history."""


class Located(NamedTuple):
    """Locations of some examples, [B] each."""

    users: IntArray
    """Users, from 0."""
    targets: IntArray
    """Indices of the targets among all interactions."""
    starts: IntArray
    """Where histories start."""
    lengths: IntArray
    """Lengths of histories; the target follows directly."""


class SequenceExamples:
    """Examples of some users: the first few of each, or the one that ends a given distance before the last.

    Args:
        sequences: of all users.
        users: of this part [V′], in order.
        counts: number of examples of each, from the second interaction on, [V′]; None: one, given by ``from_last``.
        from_last: distance of the target from the user's last interaction, without ``counts``.
    """

    def __init__(
        self, sequences: UserSequences, users: IntArray, counts: IntArray | None = None, from_last: int = 0
    ) -> None:
        self.sequences, self._users, self._from_last = sequences, users, from_last
        self._owners = None if counts is None else _Owners(counts)
        self._length = len(users) if self._owners is None else self._owners.total

    def __len__(self) -> int:
        """Return E."""
        return self._length

    def some(self, rows: IntArray) -> SequenceExamples:
        """Return a subset of a part that has one example per user."""
        assert self._owners is None, "examples of one user stay together"
        return SequenceExamples(self.sequences, self._users[rows], from_last=self._from_last)

    def as_sequences(self) -> Sequences:
        """Return the examples as sequences: per user, the predicted items and all readable context before them.

        They are in the order of :func:`~recbole_adasid.data.histories.runs_of_targets`.
        """
        if self._owners is None:
            found = self.locate(np.arange(len(self)))
            return runs_of_targets(found.targets, found.starts)
        order = np.argsort(self._users)
        starts, lengths = self.sequences.starts[self._users[order]], np.diff(self._owners.begins)[order] + 1
        return Sequences(starts, lengths, np.zeros(len(starts), dtype=np.int64))

    def locate(self, rows: IntArray) -> Located:
        """Return the locations of examples [B]."""
        starts = self.sequences.starts
        if self._owners is None:
            users = self._users[rows]
            targets = starts[users + 1] - 1 - self._from_last
        else:
            owners = self._owners.of(rows)
            users = self._users[owners]
            targets = starts[users] + 1 + rows - self._owners.begins[owners]
        begin = np.maximum(starts[users], targets - self.sequences.longest)
        return Located(users, targets, begin, targets - begin)


class _Owners:
    """Maps rows to their owners, who own consecutive runs of rows.

    Args:
        counts: rows per owner, at least one, [V′].
    """

    def __init__(self, counts: IntArray) -> None:
        self.begins = np.r_[0, np.cumsum(counts)]
        self.total = int(self.begins[-1])
        # Owner of every n-th row: from there it is a step or two, where a binary search would take twenty.
        self._stride = max(1, self.total // max(1, len(counts)))
        marks = np.arange(0, self.total, self._stride)
        marked = np.searchsorted(self.begins, marks, side="right") - 1
        self._marked = marked.astype(np.min_scalar_type(len(counts)))

    def of(self, rows: IntArray) -> IntArray:
        """Return the owners [B] of rows [B]."""
        owners = self._marked[rows // self._stride].astype(np.int64)
        for _ in range(_MOST_STEPS):
            beyond = self.begins[owners + 1] <= rows
            if not beyond.any():
                return owners
            owners += beyond
        return np.searchsorted(self.begins, rows, side="right") - 1


def leave_one_out(sequences: UserSequences, left_out: Sequence[str]) -> dict[str, SequenceExamples]:
    """Return the examples of ``train``, ``valid`` and ``test``, as RecBole splits them.

    Args:
        sequences: of all users.
        left_out: the parts that get one of a user's last examples each, in chronological order; one stays for training.
    """
    order = sequences.order
    n_examples = sequences.starts[order + 1] - sequences.starts[order] - 1
    n_left_out = np.minimum(len(left_out), n_examples - 1)
    nobody = order[:0]
    parts = {"train": SequenceExamples(sequences, order, n_examples - n_left_out)}
    parts |= {name: SequenceExamples(sequences, nobody) for name in ("valid", "test")}
    for from_last, name in enumerate(reversed(left_out)):
        chosen = n_left_out > from_last
        parts[name] = SequenceExamples(sequences, order if chosen.all() else order[chosen], from_last=from_last)
    return parts
