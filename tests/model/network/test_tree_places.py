"""Places of prefixes among trained and all items, against lists of their Semantic IDs."""

from __future__ import annotations

import torch

from recbole_adasid.model.network.tree_places import Places
from recbole_adasid.model.prefix_tree import PrefixTree

SIZES = [3, 4]
TOKENS = torch.tensor([[0, 1], [0, 1], [0, 3], [2, 0], [1, 2], [2, 3]])
TRAINED = torch.tensor([1, 2, 3, 4])  # the last two items came later; the first two share a Semantic ID


def counts(rows: list[list[int]], prefix: list[int]) -> list[float]:
    found = {tuple(row) for row in rows if row[: len(prefix)] == prefix}
    return [float(sum(sid[len(prefix)] == code for sid in found)) for code in range(SIZES[len(prefix)])]


def test_leaves_are_counted_among_trained_and_all_items_from_each_prefix() -> None:
    old, everything = TOKENS[TRAINED - 1], PrefixTree(TOKENS, SIZES)
    root = Places.root(PrefixTree(old, SIZES, TRAINED), everything)
    first = torch.tensor([[0, 2], [1, 0]])
    for places, prefixes in (
        (root, [[[]]]),
        (root.after(0, first, torch.zeros_like(first)), [[[0], [2]], [[1], [0]]]),  # no trained item begins with 1
    ):
        level = len(prefixes[0][0])
        for found, rows in zip(places.leaves(level), (old.tolist(), TOKENS.tolist())):
            assert found.tolist() == [[counts(rows, prefix) for prefix in user] for user in prefixes]


def test_without_later_items_both_are_the_same() -> None:
    root = Places.root(PrefixTree(TOKENS, SIZES))
    trained, everything = root.after(0, torch.tensor([[2, 0]]), torch.zeros(1, 2, dtype=torch.int64)).leaves(1)
    assert trained.tolist() == everything.tolist() == [[counts(TOKENS.tolist(), [2]), counts(TOKENS.tolist(), [0])]]
