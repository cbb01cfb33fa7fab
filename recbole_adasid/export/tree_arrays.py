"""A catalogue's prefix tree as flat arrays in compressed sparse rows, for programs in any language.

A state is a prefix. States are numbered from the root, 0, depth by depth, in lexicographic order, so the children of a
state are contiguous, and edge e leads to state e + 1. Tokens are numbered from 1 across levels; 0 is start and padding.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbole_adasid.model.prefix_tree import PrefixTree

Arrays = dict[str, NDArray]


def first_tokens(level_sizes: list[int]) -> list[int]:
    """Return the token of each level's code 0."""
    return [1 + sum(level_sizes[:level]) for level in range(len(level_sizes))]


def tree_arrays(tree: PrefixTree) -> Arrays:
    """Return the arrays of a tree with R items; :data:`MEANINGS` describes them."""
    n_levels, starts = len(tree.level_sizes), np.cumsum([0, *tree.n_nodes])
    counts, tokens, below = [], [], []
    for depth, first_token in enumerate([0, *first_tokens(tree.level_sizes)]):
        nodes = torch.arange(tree.n_nodes[depth], device=tree.leaf_items.device)
        begin, end = tree.item_range(depth, nodes)
        below.append(end - begin)
        if depth:
            tokens.append(tree.codes(depth, nodes) + first_token)
            counts.append(tree.parents(depth, nodes).bincount(minlength=tree.n_nodes[depth - 1]))
    counts.append(torch.zeros_like(below[-1]))
    return {
        "level_starts": starts,
        "row_pointers": np.append(0, _numpy(torch.cat(counts)).cumsum()),
        "tokens": _numpy(torch.cat(tokens)).astype(np.int32),
        "next_states": np.arange(1, starts[n_levels + 1], dtype=np.int64),
        "items_below": _numpy(torch.cat(below)),
        "leaf_pointers": _numpy(tree.first_item).astype(np.int64),
        "leaf_items": _numpy(tree.leaf_items).astype(np.int64),
    }


MEANINGS = {
    "level_starts": "int64 [levels + 2]: states of depth d are level_starts[d] ... level_starts[d + 1] - 1",
    "row_pointers": "int64 [states + 1]: edges of state s are row_pointers[s] ... row_pointers[s + 1] - 1",
    "tokens": "int32 [edges]: the token of each edge, ascending within a state",
    "next_states": "int64 [edges]: where each edge leads; edge e leads to state e + 1",
    "items_below": "int64 [states]: items whose Semantic ID begins with the state's prefix",
    "leaf_pointers": "int64 [leaves + 1]: items of leaf level_starts[levels] + i are "
    "leaf_items[leaf_pointers[i]] ... leaf_items[leaf_pointers[i + 1] - 1]",
    "leaf_items": "int64 [items]: numbers of items, from 1, in the order of items.json",
}
"""What each array of :func:`tree_arrays` holds."""


def _numpy(values: Tensor) -> NDArray:
    return values.cpu().numpy()
