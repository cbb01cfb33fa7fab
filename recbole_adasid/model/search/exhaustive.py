"""Exact log-probabilities of all items of the catalogue, or of given items."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree

STEMS_AT_ONCE = 256
"""Prefixes of all but the last token decoded together."""


def score_all_items(
    network: TIGERNetwork, catalogue: Catalogue, memory: Memory, *, stems_per_chunk: int = STEMS_AT_ONCE
) -> Tensor:
    """Score every item for every user by decoding the whole prefix tree, each prefix once.

    Args:
        memory: the encoded histories of B users.

    Returns:
        float32 [B, N + 1]; column 0 (padding) is −inf.
    """
    tree = catalogue.tree
    leaf_scores = score_leaves(network, tree, memory, stems_per_chunk=stems_per_chunk)
    scores = leaf_scores.new_full((leaf_scores.shape[0], catalogue.n_items + 1), -torch.inf)
    scores[:, tree.leaf_items.long()] = leaf_scores.repeat_interleave(tree.first_item.diff(), dim=1)
    return scores


def score_leaves(
    network: TIGERNetwork, tree: PrefixTree, memory: Memory, *, stems_per_chunk: int = STEMS_AT_ONCE
) -> Tensor:
    """Return the log-probability of every complete SID of a tree for every user, float32 [B, leaves].

    The tree is cut into runs of neighbouring stems (prefixes of all but the last token); a run and its ancestors are
    decoded as the positions of one sequence. Only ancestors on the border of two runs are decoded twice.
    """
    n_stems = tree.n_nodes[-2]
    chunks = [
        _score_run(network, tree, memory, first, min(first + stems_per_chunk, n_stems))
        for first in range(0, n_stems, stems_per_chunk)
    ]
    return torch.cat(chunks, dim=1)


def score_targets(network: TIGERNetwork, memory: Memory, tokens: Tensor) -> Tensor:
    """Return the log-probability [B] of one item per user, given by its ``tokens`` [B, S]."""
    levels = next_token_log_probabilities(network, memory, tokens)
    return torch.cat([level.gather(1, codes) for level, codes in zip(levels, tokens.split(1, dim=1))], dim=1).sum(1)


def next_token_log_probabilities(network: TIGERNetwork, memory: Memory, tokens: Tensor) -> list[Tensor]:
    """Return, for each level, the log-probabilities float32 [B, K] of its codewords after the earlier ``tokens``.

    Args:
        memory: the encoded histories of B users.
        tokens: int64 [B, S], the SID of one item per user.
    """
    inputs = torch.nn.functional.pad(network.vocabulary.token_ids(tokens[:, :-1]), (1, 0))
    hidden = network.decode(inputs, Tree.sequence(inputs.shape[1], inputs.device), memory)
    standing, found = memory.standing, []
    for level, codes in enumerate(tokens.split(1, dim=1)):
        found.append(network.softmax(hidden[:, level, None], level, standing)[:, 0])
        standing = standing.after(level, codes)
    return found


def _score_run(network: TIGERNetwork, tree: PrefixTree, memory: Memory, first: int, end: int) -> Tensor:
    """Score the leaves below the stems ``first`` … ``end`` − 1 → [B, leaves]."""
    ranges = _node_ranges(tree, first, end)
    token_ids, positions, parents = _as_sequence(network, tree, ranges)
    hidden = network.decode(token_ids[None], Tree(positions, positions, _ancestors(positions, parents)), memory)
    scores = hidden.new_zeros(hidden.shape[0], 1, dtype=torch.float32)
    at, standing = 0, memory.standing
    for level, (low, high) in enumerate(ranges):
        states = hidden[:, at : at + high - low]
        at += high - low
        nodes = torch.arange(low, high, device=hidden.device)
        if level:
            parents, codes = tree.parents(level, nodes)[None] - ranges[level - 1][0], tree.codes(level, nodes)[None]
            standing = standing.after(level - 1, codes, parents)
        log_probability = network.softmax(states, level, standing)
        children, codes, exists = tree.expand(level, nodes)
        if level + 1 < len(ranges):  # the chunk's border nodes have children outside it
            exists &= (children >= ranges[level + 1][0]) & (children < ranges[level + 1][1])
        row, slot = exists.nonzero(as_tuple=True)
        scores = scores[:, row] + log_probability[:, row, codes[row, slot]]
    return scores


def _node_ranges(tree: PrefixTree, first: int, end: int) -> list[tuple[int, int]]:
    """Return, for depths 0 … S − 1, the range of nodes that are stems ``first`` … ``end`` − 1 or their ancestors."""
    border = torch.tensor([first, end - 1], device=tree.leaf_items.device)
    ranges = [(first, end)]
    for depth in range(len(tree.level_sizes) - 1, 0, -1):
        border = tree.parents(depth, border)
        low, high = border.tolist()
        ranges.insert(0, (low, high + 1))
    return ranges


def _as_sequence(
    network: TIGERNetwork, tree: PrefixTree, ranges: list[tuple[int, int]]
) -> tuple[Tensor, Tensor, Tensor]:
    """Line up the nodes of ``ranges``, depth by depth: token ids, depths and positions of their parents, each [Q]."""
    device = tree.leaf_items.device
    ids, depths, parents = [], [], []
    parents_at = 0  # where the nodes of the previous depth start
    for depth, (low, high) in enumerate(ranges):
        nodes = torch.arange(low, high, device=device)
        depths.append(torch.full_like(nodes, depth))
        if depth == 0:
            ids.append(nodes)  # the root is the start token, row 0
            parents.append(nodes)
            continue
        ids.append(tree.codes(depth, nodes) + network.vocabulary.offsets[depth - 1])
        previous_low, previous_high = ranges[depth - 1]
        parents.append(tree.parents(depth, nodes) - previous_low + parents_at)
        parents_at += previous_high - previous_low
    return torch.cat(ids), torch.cat(depths), torch.cat(parents)


def _ancestors(depths: Tensor, parents: Tensor) -> Tensor:
    """Return the attention mask, bool [Q, Q]: each node sees itself and its ancestors."""
    here = torch.arange(len(parents), device=parents.device)
    visible = here[:, None] == here[None, :]
    ancestor = here
    for _ in range(int(depths.max())):
        ancestor = parents[ancestor]
        visible |= ancestor[:, None] == here[None, :]
    return visible
