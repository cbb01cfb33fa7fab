"""Stand-ins for the vectors of items that nobody has used yet: the mean over the most similar items.

Letters: N items, A of them with a vector, d width.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.preparation import Prepared
from recbole_adasid.io.buckets import stretches
from recbole_adasid.pairs.item2vec import of_unit_length

NEIGHBOURS = 5
"""Items averaged; benchmarks/unused_items.py compares it with other values and with the mean of all."""
MOST_ANCHORS = 50_000
"""Items kept for the neighbour lookup, so that it needs no more memory than the rest of a run."""
_ROWS_AT_ONCE = 1_024
Anchors = Mapping[str, NDArray[np.float32]]
"""``known`` [A, d], of length 1 or 0, and ``vectors`` [A, d'] of the items that have one."""


def anchors_of(wanted: Prepared, known: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """Return the items to look up among: those with a vector, thinned out evenly if there are many.

    Args:
        wanted: vectors [N, d'] missing for some items.
        known: [N, d], the other vectors of all items; width 0 if there are none.
    """
    rows = np.flatnonzero(wanted.present)
    if len(rows) > MOST_ANCHORS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ANCHORS).astype(np.int64)]
    return {
        "known": of_unit_length(known[rows]).astype(np.float32),
        "vectors": wanted.values[rows].astype(np.float32),
    }


def filled(
    wanted: Prepared, known: NDArray[np.float64], anchors: Anchors, neighbours: int = NEIGHBOURS
) -> NDArray[np.float64]:
    """Return the vectors [N, d'], each missing one replaced by the mean over its nearest `neighbours` anchors.

    Nearest by cosine of the known vectors; items with nothing known get the mean of all anchors.
    """
    values, vectors = wanted.values.copy(), anchors["vectors"].astype(np.float64)
    missing = np.flatnonzero(~wanted.present)
    if not len(missing) or not len(vectors):
        return values
    told = known[missing].any(axis=1)
    values[missing[~told]] = vectors.mean(axis=0)
    missing = missing[told]
    count = min(neighbours, len(vectors))
    for part in stretches(len(missing), _ROWS_AT_ONCE):
        rows = missing[part]
        cosine = of_unit_length(known[rows]).astype(np.float32) @ anchors["known"].T
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        values[rows] = vectors[np.sort(nearest, axis=1)].mean(axis=1)
    return values
