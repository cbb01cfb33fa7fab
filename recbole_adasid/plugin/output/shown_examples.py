"""Examples for the report, collected while the dataset is loaded: items with neighbours, users with histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.evaluation.record import Record
from recbole_adasid.plugin.output.held_out import earlier_interactions, example_rows
from recbole_adasid.tokenizer.agreement import EmbeddingPairs

POPULAR_ITEMS, RANDOM_ITEMS = 12, 12
RANDOM_USERS, HIT_USERS = 8, 4
SHOWN_HISTORY = 20
"""Minimum number of history items kept; more if the model reads more."""


def item_examples(
    near: EmbeddingPairs | None, popularity: NDArray[np.int64], tokens: Sequence[str]
) -> list[dict[str, Any]]:
    """Return items with their nearest neighbours by embedding: some of the most popular and some random ones, among
    those with known neighbours.

    Args:
        near: items in random order and their neighbours; None: there are no features.
        popularity: training interactions of each item [N].
        tokens: tokens of the N items.
    """
    if near is None or not len(near.items):
        return []
    starts = np.flatnonzero(np.r_[True, near.items[1:] != near.items[:-1]])
    known = near.items[starts]
    popular = known[np.argsort(-popularity[known], kind="stable")][:POPULAR_ITEMS]
    drawn = [item for item in known.tolist() if item not in popular][:RANDOM_ITEMS]
    ends = dict(zip(known.tolist(), zip(starts.tolist(), np.r_[starts[1:], len(near.items)].tolist())))
    return [
        {
            "item": tokens[item],
            "chosen": how,
            "nearest": [tokens[other] for other in near.nearest[slice(*ends[item])].tolist()],
            "cosines": [round(float(cosine), 4) for cosine in near.cosines[slice(*ends[item])]],
        }
        for how, items in (("popular", popular.tolist()), ("random", drawn))
        for item in items
    ]


def user_examples(part: Any, record: Record, longest: int) -> list[dict[str, Any]]:
    """Return test users with their history and held-out item: some drawn at random, and some hits.

    Users are identified by their row in the record, which has no names; one with several rows may be drawn again.

    Args:
        part: the dataset's test part.
        record: the test's record.
        longest: number of history items that the model reads.
    """
    chosen = _drawn(record["rank"])
    if not chosen:
        return []
    drawn = np.array([row for row, _ in chosen])
    some = {name: values[drawn] for name, values in record.items()}
    places, items = earlier_interactions(part, example_rows(part, record)[drawn])
    tokens = part.field2id_token[part.iid_field]
    kept = max(longest, SHOWN_HISTORY)
    return [
        {
            "row": row,
            "chosen": how,
            "history": [str(tokens[item]) for item in items[places == place][-kept:]],
            "earlier": max(0, int((places == place).sum()) - kept),
            "held_out": str(tokens[some["item"][place]]),
        }
        for place, (row, how) in enumerate(chosen)
    ]


def _drawn(rank: NDArray[np.int64]) -> list[tuple[int, str]]:
    """Return rows of a record and how they were chosen, deterministically for the same ranks."""
    order = np.random.default_rng(0).permutation(len(rank)).tolist()
    first = order[:RANDOM_USERS]
    hits = [row for row in order[RANDOM_USERS:] if rank[row] > 0][:HIT_USERS]
    return [*((row, "random") for row in first), *((row, "hit") for row in hits)]
