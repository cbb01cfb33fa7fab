"""A catalogue's prefix tree as flat arrays in compressed sparse rows, for programs in any language.

A state is a prefix. States are numbered from the root, 0, depth by depth, in lexicographic order, so the children of a
state are contiguous, and edge e leads to state e + 1. Tokens are numbered from 1 across levels; 0 is start and padding.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbole_adasid.model.network.token_softmax import TokenSoftmax
from recbole_adasid.model.prefix_tree import PrefixTree

Arrays = dict[str, NDArray]


def first_tokens(level_sizes: list[int]) -> list[int]:
    """Return the token of each level's code 0."""
    return [1 + sum(level_sizes[:level]) for level in range(len(level_sizes))]


def tree_arrays(tree: PrefixTree, recommended: Tensor | None = None) -> Arrays:
    """Return the arrays of a tree; :data:`MEANINGS` describes them.

    Args:
        tree: of all items that states are needed for.
        recommended: those that may be recommended, ids in any order; None: all.
    """
    stays = torch.ones_like(tree.leaf_items, dtype=torch.bool)
    if recommended is not None:
        stays = torch.isin(tree.leaf_items, recommended)
    before = torch.nn.functional.pad(stays.cumsum(0), (1, 0))  # recommended items before each place
    n_levels, starts = len(tree.level_sizes), np.cumsum([0, *tree.n_nodes])
    counts, tokens, below = [], [], []
    for depth, first_token in enumerate([0, *first_tokens(tree.level_sizes)]):
        nodes = torch.arange(tree.n_nodes[depth], device=tree.leaf_items.device)
        begin, end = tree.item_range(depth, nodes)
        below.append(before[end] - before[begin])
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
        "leaf_pointers": _numpy(before[tree.first_item.long()]),
        "leaf_items": _numpy(tree.leaf_items[stays]).astype(np.int64),
    }


def softmax_arrays(tree: PrefixTree, trained: PrefixTree, softmax: TokenSoftmax) -> Arrays:
    """Return what a softmax over a tree takes; :data:`SOFTMAX_MEANINGS` describes it.

    Args:
        tree: the exported one, of all items.
        trained: that of the trained items.
    """
    leaves, of_trained = [], []
    codes = torch.zeros(1, 0, dtype=torch.int64, device=tree.leaf_items.device)
    for depth, size in enumerate(tree.n_nodes):
        nodes = torch.arange(size, device=codes.device)
        if depth:
            codes = torch.cat([codes[tree.parents(depth, nodes)], tree.codes(depth, nodes)[:, None]], dim=1)
        own = trained.path(codes)[-1] if depth else nodes
        leaves.append(tree.n_leaves(depth, nodes))
        of_trained.append(torch.where(own >= 0, trained.n_leaves(depth, own.clamp(min=0)), 0))
    continued = torch.zeros(0, 0) if softmax.continued is None else softmax.continued.detach().float()
    return {
        "leaves": _numpy(torch.cat(leaves)),
        "trained_leaves": _numpy(torch.cat(of_trained)),
        "continued": _numpy(continued),
        "seen": _numpy(torch.as_tensor(softmax.seen_bias).detach().float()),
    }


SOFTMAX_MEANINGS = {
    "leaves": "int64 [states]: Semantic IDs that begin with the state's prefix",
    "trained_leaves": "int64 [states]: those of items that the model was trained on",
    "continued": "float32 [levels, ages]: added to a token's score for each history item with the same prefix "
    "and token, by the number of items after that one",
    "seen": "float32: added to a token's score if all Semantic IDs that begin so are in the history",
}
"""What each array of :func:`softmax_arrays` holds."""


MEANINGS = {
    "level_starts": "int64 [levels + 2]: states of depth d are level_starts[d] ... level_starts[d + 1] - 1",
    "row_pointers": "int64 [states + 1]: edges of state s are row_pointers[s] ... row_pointers[s + 1] - 1",
    "tokens": "int32 [edges]: the token of each edge, ascending within a state",
    "next_states": "int64 [edges]: where each edge leads; edge e leads to state e + 1",
    "items_below": "int64 [states]: items that may be recommended and whose Semantic ID begins with the state's "
    "prefix; 0, in folders with softmax.npz, if all of them were removed",
    "leaf_pointers": "int64 [leaves + 1]: items of leaf level_starts[levels] + i are "
    "leaf_items[leaf_pointers[i]] ... leaf_items[leaf_pointers[i + 1] - 1]",
    "leaf_items": "int64 [items]: numbers of items, from 1, in the order of items.json",
}
"""What each array of :func:`tree_arrays` holds."""


def _numpy(values: Tensor) -> NDArray:
    return values.cpu().numpy()
