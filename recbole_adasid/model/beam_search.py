"""Beam search over a catalogue's prefix tree: only items that exist, each once, best first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.exclusion import Exclusion
from recbole_adasid.model.network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.stack import Memory, Tree


@dataclass
class _Beams:
    """The best prefixes of one length: nodes [B, W] of the prefix tree and their log-probabilities [B, W]."""

    nodes: Tensor
    scores: Tensor
    parents: Tensor  # int64 [B, W]: which of the previous beams each extends
    codes: Tensor  # int64 [B, W]: by which code


class _Decoding:
    """Grows all users' beams by one token a step; earlier beams stay in the cache, as ancestors or unused."""

    def __init__(self, network: TIGERNetwork, memory: Memory, capacity: int) -> None:
        self.network = network
        self.memory = memory
        self.caches = network.new_caches(capacity)
        self.depths = torch.empty(0, dtype=torch.int64, device=network.vocabulary.offsets.device)
        self.visible: Tensor | None = None  # bool [B, W, P]

    def step(self, token_ids: Tensor, parents: Tensor, depth: int) -> Tensor:
        """Feed one token to each beam: ``token_ids`` and ``parents`` [B, W] → hidden states [B, W, D]."""
        n_users, width = token_ids.shape
        itself = torch.eye(width, dtype=torch.bool, device=token_ids.device).expand(n_users, -1, -1)
        if self.visible is None:
            self.visible = itself
        else:
            ancestors = self.visible.gather(1, parents[..., None].expand(-1, -1, self.visible.shape[2]))
            self.visible = torch.cat([ancestors, itself], dim=2)
        depths = self.depths.new_full((width,), depth)
        self.depths = torch.cat([self.depths, depths])
        tree = Tree(depths, self.depths, self.visible[:, None])
        return self.network.decode(token_ids, tree, self.memory, self.caches)


def beam_search(
    network: TIGERNetwork,
    catalogue: Catalogue,
    history_items: Tensor,
    lengths: Tensor,
    *,
    beam_size: int,
    k: int,
    users: Tensor | None = None,
    tree: PrefixTree | None = None,
    excluded: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the ``k`` best items that a beam of ``beam_size`` prefixes finds.

    Args:
        history_items: int64 [B, T] item ids, oldest first, padded on the right with 0.
        lengths: int64 [B].
        users: int64 [B], needed when the network has user tokens.
        tree: of the items that may be recommended, some of the catalogue's; all of them unless told otherwise.
        excluded: int64 [B, X] item ids that must not be recommended to each user, 0 for none. No beam is spent on
            prefixes that lead to nothing else.

    Returns:
        Item ids, int64 [B, k], 0 where there is none, and their log-probabilities, float32 [B, k], −inf where there
        is none; equal scores by ascending id.

    Raises:
        ValueError: ``beam_size`` or ``k`` is below 1.
    """
    if beam_size < 1 or k < 1:
        raise ValueError(f"beam_size is {beam_size} and k is {k}: both must be at least 1")
    tree = catalogue.tree if tree is None else tree
    exclusion = None if excluded is None else Exclusion(tree, catalogue, excluded)
    memory = network.encode(catalogue(history_items), lengths, users)
    n_levels = len(network.vocabulary.level_sizes)
    decoding = _Decoding(network, memory, capacity=1 + (n_levels - 1) * beam_size)
    root = lengths.new_zeros(len(lengths), 1)
    beams = _Beams(root, torch.zeros_like(root, dtype=torch.float32), root, root)
    for level, offset in enumerate([None, *network.vocabulary.offsets[:-1]]):
        tokens = beams.codes if offset is None else beams.codes + offset  # the root is the start token, row 0
        hidden = decoding.step(tokens, beams.parents, level)
        log_probability = network.vocabulary.logits(hidden, level).log_softmax(-1)
        beams = _extend(tree, level, beams, log_probability, beam_size, exclusion)
    if exclusion is None:
        return expand_leaves(tree, beams.nodes, beams.scores, k)
    return exclusion.drop(*expand_leaves(tree, beams.nodes, beams.scores, k + exclusion.most), k)


def _extend(
    tree: PrefixTree, level: int, beams: _Beams, log_probability: Tensor, beam_size: int, exclusion: Exclusion | None
) -> _Beams:
    """Return the best ``beam_size`` children of the beams, best first, given the next code's log-probabilities."""
    child, code, exists = tree.expand(level, beams.nodes)
    if exclusion is not None:
        exists &= exclusion.leaves_something(level, child)
    scores = log_probability.gather(-1, code).add_(beams.scores[..., None])
    scores = scores.masked_fill_(~exists, -torch.inf).flatten(1)
    top_scores, top = scores.topk(min(beam_size, scores.shape[1]))
    parents = top // tree.fan_outs[level]
    return _Beams(child.flatten(1).gather(1, top), top_scores, parents, code.flatten(1).gather(1, top))


def expand_leaves(tree: PrefixTree, leaves: Tensor, scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Replace the best leaves [B, W], best first, by their items: the ``k`` best, ties by ascending id → [B, k]."""
    counts = (tree.first_item[leaves + 1] - tree.first_item[leaves]).masked_fill(scores == -torch.inf, 0)
    ends = counts.cumsum(1)
    slot = torch.arange(k, device=leaves.device).expand(len(leaves), -1).contiguous()
    beam = torch.searchsorted(ends, slot, right=True)
    found = beam < leaves.shape[1]
    beam = beam.clamp(max=leaves.shape[1] - 1)
    position = tree.first_item[leaves.gather(1, beam)] + slot - (ends - counts).gather(1, beam)
    items = tree.leaf_items[torch.where(found, position, 0)].long().masked_fill(~found, 0)
    item_scores = scores.gather(1, beam).masked_fill(~found, -torch.inf)
    by_id = items.argsort(1)
    by_score = item_scores.gather(1, by_id).argsort(stable=True, dim=1, descending=True)
    order = by_id.gather(1, by_score)
    return items.gather(1, order), item_scores.gather(1, order)
