"""Items that are held out of training, so that recommending the unseen can be measured.

Letters: N items, I interactions ordered by user and time, J those of warm items, E examples, T longest history.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.windows import SequenceWindows


def draw_cold_items(n_items: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which of N items are held out, bool [N]: a share of them, but at least one, drawn by the seed."""
    cold = np.zeros(n_items, dtype=bool)
    cold[np.random.default_rng(seed).permutation(n_items)[: max(1, round(share * n_items))]] = True
    return cold


class WarmExamples(NamedTuple):
    """Examples without cold items."""

    windows: SequenceWindows
    """Histories over the items [J] of the warm interactions; the target stands right behind each."""
    places: NDArray[np.int64]
    """Where the warm interactions [J] stand among all."""
    rows: NDArray[np.int64]
    """Which of the E examples are left, in the order of the histories."""


def warm_examples(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    cold: NDArray[np.bool_],
    targets: NDArray[np.int64],
    longest: int,
) -> WarmExamples:
    """Take the interactions of cold items out of histories and targets, as if they had never happened.

    An example is left if its target is warm and a warm item of the user comes before it. Its history is the up to
    ``longest`` warm interactions before the target.

    Args:
        users: of the I interactions, ascending.
        items: of the I interactions, numbered from 1.
        cold: [N], which items are.
        targets: where the targets of the E examples stand among the interactions.
        longest: T.
    """
    warm = ~cold[items - 1]
    before = warm.cumsum() - warm  # warm interactions before each
    first, end = before[np.searchsorted(users, users[targets])], before[targets]
    rows = np.flatnonzero(warm[targets] & (end > first))
    lengths = np.minimum(end - first, longest)[rows]
    places = np.flatnonzero(warm)
    windows = SequenceWindows(flat_items=items[places], starts=end[rows] - lengths, lengths=lengths)
    return WarmExamples(windows, places, rows)
