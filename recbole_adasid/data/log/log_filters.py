"""The filter by number of interactions (a k-core, for lower bounds) on a log in files.

Letters: I interactions, U users, N items, R interactions of a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.baskets import add_counts
from recbole_adasid.io.buckets import stretches

Fits = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Predicate on numbers of interactions: which may stay."""


def users_of(starts: NDArray[np.int64], part: slice) -> NDArray[np.int64]:
    """Return the users [R] of a slice of interactions, given ``starts`` [U + 1] of each user."""
    first, last = np.searchsorted(starts, (part.start, part.stop - 1), side="right") - 1
    bounds = starts[first : last + 2].clip(part.start, part.stop)
    return np.repeat(np.arange(first, last + 1), np.diff(bounds))


def mark_core(
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    n_items: int,
    keep: NDArray[np.bool_],
    fits: Mapping[str, Fits],
    rows_at_once: int,
) -> None:
    """Clear ``keep`` [I] for the interactions of users and items that may not stay.

    Dropping some leaves others with fewer interactions, so it repeats until all remaining ones fit; users and items
    are both judged before any is dropped, as in RecBole.

    Args:
        items: item rows [I], grouped by user.
        starts: where each user's interactions begin, plus the end of the last, [U + 1].
        n_items: N.
        keep: initially all true.
        fits: predicates for ``users`` and ``items``; a missing one keeps all.
        rows_at_once: interactions held in memory.
    """

    def parts() -> Iterator[tuple[slice, dict[str, NDArray[np.integer]]]]:
        for part in stretches(len(items), rows_at_once):
            yield part, {"users": users_of(starts, part), "items": items[part]}

    sizes = {"users": len(starts) - 1, "items": n_items}
    while fits:
        counts = {name: np.zeros(sizes[name], dtype=np.int64) for name in fits}
        for part, columns in parts():
            for name in fits:
                add_counts(counts[name], columns[name][keep[part]])
        wrong = {name: (counts[name] > 0) & ~judge(counts[name]) for name, judge in fits.items()}
        if not any(found.any() for found in wrong.values()):
            return
        for part, columns in parts():
            for name, found in wrong.items():
                keep[part] &= ~found[columns[name]]
