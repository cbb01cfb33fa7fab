"""Beam search over a catalogue's prefix tree: only existing items, each once, best first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exclusion import Exclusion
from recbole_adasid.model.search.exhaustive import STEMS_AT_ONCE, score_leaves

_SCORES_AT_ONCE = 2**22  # of one head's attention, B · W · P: more than any usual beam takes, in 100 MB per layer


@dataclass
class _Beams:
    """The best prefixes of one length: nodes [B, W] of the prefix tree and their log-probabilities [B, W]."""

    nodes: Tensor
    scores: Tensor
    parents: Tensor  # int64 [B, W]: the previous beam that each extends
    codes: Tensor  # int64 [B, W]: the appended code


class _Decoding:
    """Extends all users' beams by one token per step; earlier beams stay in the cache, as ancestors or unused."""

    def __init__(self, network: TIGERNetwork, memory: Memory, capacity: int) -> None:
        self.network = network
        self.memory = memory
        self.caches = network.new_caches(capacity)
        self.depths = torch.empty(0, dtype=torch.int64, device=network.vocabulary.offsets.device)
        self.path: Tensor | None = None  # int64 [B, W, ·]: cache positions of each beam and its ancestors

    def step(self, token_ids: Tensor, parents: Tensor, depth: int) -> Tensor:
        """Feed one token to each beam: ``token_ids`` and ``parents`` [B, W] → hidden states [B, W, D]."""
        n_users, width = token_ids.shape
        itself = torch.arange(len(self.depths), len(self.depths) + width, device=token_ids.device)
        itself = itself.expand(n_users, -1)[..., None]
        if self.path is None:
            self.path = itself
        else:
            ancestors = self.path.gather(1, parents[..., None].expand(-1, -1, self.path.shape[2]))
            self.path = torch.cat([ancestors, itself], dim=2)
        # Beams do not see each other, so a large number can be fed in chunks.
        some = max(1, _SCORES_AT_ONCE // (n_users * (len(self.depths) + width)))
        parts = [self._feed(*part, depth) for part in zip(token_ids.split(some, 1), self.path.split(some, 1))]
        return torch.cat(parts, dim=1)

    def _feed(self, token_ids: Tensor, path: Tensor, depth: int) -> Tensor:
        depths = self.depths.new_full((token_ids.shape[1],), depth)
        self.depths = torch.cat([self.depths, depths])
        visible = torch.zeros(*token_ids.shape, len(self.depths), dtype=torch.bool, device=path.device)
        tree = Tree(depths, self.depths, visible.scatter_(2, path, True)[:, None])
        return self.network.decode(token_ids, tree, self.memory, self.caches)


def beam_search(
    network: TIGERNetwork,
    tree: PrefixTree,
    memory: Memory,
    *,
    beam_size: int,
    k: int,
    exclusion: Exclusion | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the ``k`` best items that a beam of ``beam_size`` prefixes finds.

    Beams are never wider than the tree. A beam that costs more than scoring every item is replaced by scoring them all.

    Args:
        tree: prefix tree of the items that may be recommended.
        memory: the encoded histories of B users.
        exclusion: items of this tree that must not be recommended to each of the B users. No beam is spent on prefixes
            that only lead to them.

    Returns:
        Item ids, int64 [B, k], padded with 0, and their log-probabilities, float32 [B, k], padded with −inf; ties by
        ascending id.

    Raises:
        ValueError: ``beam_size`` or ``k`` is below 1.
    """
    if beam_size < 1 or k < 1:
        raise ValueError(f"beam_size is {beam_size} and k is {k}: both must be at least 1")
    width = min(beam_size, tree.n_nodes[-1])
    if width * width < tree.n_nodes[-1] * STEMS_AT_ONCE:
        leaves, scores = _search(network, tree, memory, width, exclusion)
    else:
        leaves, scores = _best_of_all(network, tree, memory, width, exclusion)
    items, scores = expand_leaves(tree, leaves, scores, min(k, tree.n_items), exclusion)
    gap = (0, k - items.shape[1])
    return nn.functional.pad(items, gap), nn.functional.pad(scores, gap, value=-torch.inf)


def _search(
    network: TIGERNetwork, tree: PrefixTree, memory: Memory, width: int, exclusion: Exclusion | None
) -> tuple[Tensor, Tensor]:
    """Return the best leaves [B, W] that a beam finds, best first, and their log-probabilities."""
    widths = [min(width, n_nodes) for n_nodes in tree.n_nodes]
    decoding = _Decoding(network, memory, capacity=sum(widths[:-1]))
    root = tree.first_item.new_zeros(memory.batch_size, 1, dtype=torch.int64)
    beams = _Beams(root, torch.zeros_like(root, dtype=torch.float32), root, root)
    standing = memory.standing
    for level, offset in enumerate([None, *network.vocabulary.offsets[:-1]]):
        tokens = beams.codes if offset is None else beams.codes + offset  # the root is the start token, row 0
        hidden = decoding.step(tokens, beams.parents, level)
        if level:
            standing = standing.after(level - 1, beams.codes, beams.parents)
        log_probability = network.softmax(hidden, level, standing)
        beams = _extend(tree, level, beams, log_probability, widths[level + 1], exclusion)
    return beams.nodes, beams.scores


def _extend(
    tree: PrefixTree, level: int, beams: _Beams, log_probability: Tensor, width: int, exclusion: Exclusion | None
) -> _Beams:
    """Return the best ``width`` children of the beams, best first, given the next code's log-probabilities."""
    child, code, exists = tree.expand(level, beams.nodes)
    if exclusion is not None:
        exists &= exclusion.leaves_something(level, child)
    scores = log_probability.gather(-1, code).add_(beams.scores[..., None])
    scores = scores.masked_fill_(~exists, -torch.inf).flatten(1)
    top_scores, top = scores.topk(min(width, scores.shape[1]))
    parents = top // tree.fan_outs[level]
    return _Beams(child.flatten(1).gather(1, top), top_scores, parents, code.flatten(1).gather(1, top))


def _best_of_all(
    network: TIGERNetwork, tree: PrefixTree, memory: Memory, width: int, exclusion: Exclusion | None
) -> tuple[Tensor, Tensor]:
    """Return the best leaves [B, W] of all, best first, and their log-probabilities."""
    scores = score_leaves(network, tree, memory)
    if exclusion is not None:
        leaves = torch.arange(scores.shape[1], device=scores.device).expand_as(scores)
        scores = scores.masked_fill(~exclusion.leaves_something(len(tree.level_sizes) - 1, leaves), -torch.inf)
    best, leaves = scores.topk(width)
    return leaves, best


def expand_leaves(
    tree: PrefixTree, leaves: Tensor, scores: Tensor, k: int, exclusion: Exclusion | None = None
) -> tuple[Tensor, Tensor]:
    """Replace the best leaves [B, W], best first, with their ``k`` best items, ties by ascending id → [B, k]."""
    begin, end = tree.first_item[leaves].long(), tree.first_item[leaves + 1].long()
    if exclusion is not None:
        begin, end = exclusion.rank(begin), exclusion.rank(end)
    counts = (end - begin).masked_fill(scores == -torch.inf, 0)
    ends = counts.cumsum(1)
    slot = torch.arange(k, device=leaves.device).expand(len(leaves), -1).contiguous()
    beam = torch.searchsorted(ends, slot, right=True)
    found = beam < leaves.shape[1]
    beam = beam.clamp(max=leaves.shape[1] - 1)
    position = begin.gather(1, beam) + slot - (ends - counts).gather(1, beam)
    if exclusion is not None:
        position = exclusion.place(position)
    items = tree.leaf_items[torch.where(found, position, 0)].long().masked_fill(~found, 0)
    item_scores = scores.gather(1, beam).masked_fill(~found, -torch.inf)
    by_id = items.argsort(1)
    by_score = item_scores.gather(1, by_id).argsort(stable=True, dim=1, descending=True)
    order = by_id.gather(1, by_score)
    return items.gather(1, order), item_scores.gather(1, order)
