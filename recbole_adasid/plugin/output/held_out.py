"""From an evaluation record back to the examples: the users' interactions before the held-out item."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.evaluation.record import Record


def example_rows(part: Any, record: Record) -> NDArray[np.int64]:
    """Return, for each row of a record [R], the part's example with its user and held-out item.

    A user may have the same item several times: the first such row is of the first example, and so on.
    """
    examples = part.inter_feat
    width = part.item_num
    keys = examples[part.uid_field].numpy() * width + examples[part.iid_field].numpy()
    wanted = record["user"] * width + record["item"]
    order, by_key = np.argsort(keys, kind="stable"), np.argsort(wanted, kind="stable")
    ordered = wanted[by_key]
    rows = np.empty_like(order, shape=len(wanted))
    repeats = np.arange(len(wanted)) - np.searchsorted(ordered, ordered)
    rows[by_key] = order[np.searchsorted(keys[order], ordered) + repeats]
    return rows


def earlier_interactions(
    part: Any, rows: NDArray[np.int64], most: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return earlier interactions of some examples' users, all of them or the last ``most`` before the target.

    Args:
        part: dataset part.
        rows: example rows [R].
        most: maximum for each row; None: all, however long before the target.

    Returns:
        The index into ``rows`` of each interaction [S], and its item [S], oldest first per user.
    """
    targets = part.targets(rows)
    begins, _ = part.user_spans(targets)
    if most is not None:
        begins = np.maximum(begins, targets - most)
    lengths = targets - begins
    places = np.repeat(np.arange(len(rows)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
    return places, part.flat_items[np.repeat(begins, lengths) + within]
