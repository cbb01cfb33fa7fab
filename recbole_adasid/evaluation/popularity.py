"""The baseline that any recommender has to beat: the most popular items for everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def popularity_ranks(
    held_out: NDArray[np.int64],
    popularity: NDArray[np.int64],
    seen_rows: NDArray[np.int64],
    seen_items: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the rank [R], from 1, of each held-out item if everybody is recommended the most popular items,
    except for those that the user has seen; 0 if the user has seen the held-out item.

    Args:
        held_out: R items, several of them perhaps of one user.
        popularity: [N + 1], training interactions of each item; index 0 is padding. Ties go to the lower number.
        seen_rows: row of each interaction with an item that is not recommended again [S]; may be empty.
        seen_items: its item [S].
    """
    n_items = len(popularity) - 1
    place = np.zeros(n_items + 1, dtype=np.int64)
    place[1 + np.argsort(-popularity[1:], kind="stable")] = np.arange(1, n_items + 1)
    distinct = np.unique(seen_rows * (n_items + 1) + seen_items)
    rows, items = distinct // (n_items + 1), distinct % (n_items + 1)
    above = np.bincount(rows[place[items] < place[held_out[rows]]], minlength=len(held_out))
    had = np.bincount(rows[items == held_out[rows]], minlength=len(held_out)) > 0
    return np.where(had, 0, place[held_out] - above)
