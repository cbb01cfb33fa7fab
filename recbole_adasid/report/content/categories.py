"""How well Semantic IDs agree with item categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.item_categories import Categories


def agreement_by_prefix(codes: NDArray[np.int64], categories: Categories) -> list[float | None]:
    """Return the chance that two items have the same category, given that they share their first 0, 1, … L codes.

    Whole texts are compared, and items without one are skipped. None where no two items share that many codes.

    Args:
        codes: [N, L].
        categories: of the N items.
    """
    rows, texts = codes[categories.known], categories.ids[categories.known]
    group = np.zeros(len(rows), dtype=np.int64)
    found: list[float | None] = []
    for length in range(codes.shape[1] + 1):
        if length:
            keys = group * (int(codes.max()) + 1) + rows[:, length - 1]
            group = np.unique(keys, return_inverse=True)[1].reshape(-1)
        pairs = _pairs(group)
        found.append(_pairs(group * (int(categories.ids.max()) + 1) + texts) / pairs if pairs else None)
    return found


def _pairs(keys: NDArray[np.int64]) -> int:
    """Return how many pairs of ``keys`` [M] are equal."""
    counts = np.unique(keys, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())
