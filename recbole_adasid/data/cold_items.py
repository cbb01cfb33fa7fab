"""Items held out of training, to measure recommendation of unseen items.

Letters: N items, I interactions ordered by user and time, J those of warm items, E examples, T longest history.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.windows import SequenceWindows


def draw_cold_items(n_items: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which of N items are held out, bool [N]: the given share, at least one, drawn with the seed."""
    cold = np.zeros(n_items, dtype=bool)
    cold[np.random.default_rng(seed).permutation(n_items)[: max(1, round(share * n_items))]] = True
    return cold


class WarmExamples(NamedTuple):
    """Examples without cold items."""

    windows: SequenceWindows
    """Histories over the items [J] of the warm interactions; each is followed by its target."""
    places: NDArray[np.int64]
    """Indices of the warm interactions [J] among all."""
    rows: NDArray[np.int64]
    """Which of the E examples remain, in the order of the histories."""


def warm_examples(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    cold: NDArray[np.bool_],
    targets: NDArray[np.int64],
    longest: int,
) -> WarmExamples:
    """Remove the interactions of cold items from histories and targets, as if they had never happened.

    An example remains if its target is warm and preceded by a warm item of the user. Its history is up to
    ``longest`` warm interactions before the target.

    Args:
        users: of the I interactions, ascending.
        items: of the I interactions, numbered from 1.
        cold: [N], which items are cold.
        targets: indices of the E examples' targets among the interactions.
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
