"""Examples of users' sequences that are computed when they are asked for: memory grows with users, not with examples.

Letters: I interactions, U users, V users with two or more interactions, E examples of a part, B some of them, T longest
history of some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.windows import gather_histories

IntArray = NDArray[np.int64]


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
        self._begins = None if counts is None else np.cumsum(counts) - counts
        self._length = len(users) if counts is None else int(counts.sum())

    def __len__(self) -> int:
        """Return E."""
        return self._length

    def users(self, rows: IntArray) -> IntArray:
        """Return the users [B], from 0, of examples [B]."""
        return np.asarray(self._users[self._owners(rows)])

    def targets(self, rows: IntArray) -> IntArray:
        """Return where the targets of examples [B] stand among all interactions."""
        owners = self._owners(rows)
        users = self._users[owners]
        if self._begins is None:
            return self.sequences.starts[users + 1] - 1 - self._from_last
        return self.sequences.starts[users] + 1 + rows - self._begins[owners]

    def spans(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return where the histories of examples [B] start, and how long they are."""
        targets = self.targets(rows)
        starts = np.maximum(self.sequences.starts[self.users(rows)], targets - self.sequences.longest)
        return np.asarray(starts), np.asarray(targets - starts)

    def histories(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return histories [B, T], oldest first, padded right with 0, and their lengths [B]."""
        return gather_histories(self.sequences.items, *self.spans(rows))

    def _owners(self, rows: IntArray) -> IntArray:
        return rows if self._begins is None else np.searchsorted(self._begins, rows, side="right") - 1


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
        parts[name] = SequenceExamples(sequences, order[n_left_out > from_last], from_last=from_last)
    return parts
