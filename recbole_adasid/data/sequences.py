"""Examples of users' sequences that are computed when they are asked for: memory grows with users, not with examples.

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
    """What users had, in the order of time; arrays may be those of files."""

    items: NDArray[np.integer]
    """Item ids [I], 1 … N, one user after the other."""
    starts: IntArray
    """[U + 1], where each user's items begin, and where the last one's end."""
    order: IntArray
    """Users [V] in the order that their examples stand in."""
    longest: int
    """Items of a history at most."""


class Located(NamedTuple):
    """Where some examples are, [B] each."""

    users: IntArray
    """Users, from 0."""
    targets: IntArray
    """Places of the targets among all interactions."""
    starts: IntArray
    """Where histories start."""
    lengths: IntArray
    """How long they are; the target stands right behind."""


class SequenceExamples:
    """Examples of some users: of each the first few, or the one that ends a given number of places before the last.

    Args:
        sequences: of all users.
        users: of this part [V′], in their order.
        counts: how many examples each has from the second interaction on, [V′]; None: one, that of ``from_last``.
        from_last: places between the target and the user's last interaction, where there are no ``counts``.
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
        """Return some examples of a part that has one a user."""
        assert self._owners is None, "examples of one user stay together"
        return SequenceExamples(self.sequences, self._users[rows], from_last=self._from_last)

    def as_sequences(self) -> Sequences:
        """Return the examples as sequences: of each user, what is predicted and all that may be read before it.

        They stand in the order of :func:`~recbole_adasid.data.histories.runs_of_targets`.
        """
        if self._owners is None:
            found = self.locate(np.arange(len(self)))
            return runs_of_targets(found.targets, found.starts)
        order = np.argsort(self._users)
        starts, lengths = self.sequences.starts[self._users[order]], np.diff(self._owners.begins)[order] + 1
        return Sequences(starts, lengths, np.zeros(len(starts), dtype=np.int64))

    def locate(self, rows: IntArray) -> Located:
        """Return where examples [B] are."""
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
    """Whose each row is, where some own so many rows each, one after the other.

    Args:
        counts: rows of each, one or more, [V′].
    """

    def __init__(self, counts: IntArray) -> None:
        self.begins = np.r_[0, np.cumsum(counts)]
        self.total = int(self.begins[-1])
        # The owner of every so manieth row: from there it is a step or two, where a search would take twenty.
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
        left_out: the parts that get a user's last examples, one each, in the order of time; one stays for training.
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
