"""Items that share a Semantic ID."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.report.content.text import json_bytes, sid_text

BUDGET = 500_000
"""Bytes of JSON."""
SHOWN_TITLES = 12


def collision_groups(codes: NDArray[np.int64], titles: Sequence[str], *, budget: int = BUDGET) -> dict[str, Any]:
    """Return the totals ``groups`` and ``items``, and the largest groups, ``shown``.

    A group is a mapping of `s` (Semantic ID), `n` (items) and `t` (titles, the first few of a large group). Of
    equally large groups, the lower Semantic ID comes first.

    Args:
        codes: [N, L].
        titles: of the N items.
        budget: bytes of the shown groups as JSON.
    """
    _, group, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    ends = np.cumsum(sizes)
    largest = np.argsort(-sizes, kind="stable")
    largest = largest[sizes[largest] > 1]
    shown: list[dict[str, Any]] = []
    for at in largest.tolist():
        rows = order[ends[at] - sizes[at] : ends[at]]
        own = [titles[row] for row in rows[:SHOWN_TITLES].tolist()]
        one = {"s": sid_text(codes[rows[0]].tolist()), "n": len(rows), "t": own}
        budget -= json_bytes(one)
        if budget < 0:
            break
        shown.append(one)
    return {"groups": len(largest), "items": int(sizes[largest].sum()), "shown": shown}
