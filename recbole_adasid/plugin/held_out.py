"""From the record of an evaluation back to the examples: what its users had before the held-out item."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.evaluation.record import Record


def example_rows(part: Any, record: Record) -> NDArray[np.int64]:
    """Return, for each row of a record [U], the first example of the dataset's part with its user and held-out item."""
    examples = part.inter_feat
    width = part.item_num
    keys = examples[part.uid_field].numpy() * width + examples[part.iid_field].numpy()
    order = np.argsort(keys, kind="stable")
    return order[np.searchsorted(keys[order], record["user"] * width + record["item"])]


def earlier_interactions(part: Any, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every interaction that the users of some examples had before the targets, however long ago.

    Args:
        part: of the dataset.
        rows: of the examples [U].

    Returns:
        The place in ``rows`` that each interaction belongs to [S], and its item [S], a user's oldest first.
    """
    targets = part.targets(rows)
    begins, _ = part.user_spans(targets)
    lengths = targets - begins
    places = np.repeat(np.arange(len(rows)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
    return places, part.flat_items[np.repeat(begins, lengths) + within]
