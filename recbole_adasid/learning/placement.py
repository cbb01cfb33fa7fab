"""Semantic IDs for items that arrive after training: codebooks are frozen, existing Semantic IDs unchanged.

Letters: A new items, N existing items, L levels, K codewords of the last level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import collision_ranks
from recbole_adasid.tokenizer.base import ItemTokenizer

_VALUES_AT_ONCE = 2**23
"""Numbers of a block of reconstructions, 32 MiB in float32."""
Candidates = Callable[[Tensor], Tensor]
"""From rows [R] of new items to their preferred last codes [R, K], best first."""


@dataclass(frozen=True)
class Placement:
    """Semantic IDs of new items."""

    tokens: Tensor
    """int64 [A, S], their codes and, if used, a suffix unique among items with the same codes."""
    moved: Tensor
    """int64, rows whose last code is not their nearest, because no suffix was free there."""
    unplaced: Tensor
    """int64, rows without a free suffix at any last code; theirs is out of range."""


def place(codes: Tensor, present: Tensor, suffixes: int | None, candidates: Candidates) -> Placement:
    """Assign Semantic IDs to new items next to those of a catalogue.

    A new item gets its nearest codewords and the suffix after the largest among items with the same codes, earlier new
    items first. If the recommender knows no such suffix, it takes the best last code with one, after all items that
    fit.

    Args:
        codes: int64 [A, L], the nearest codewords of the new items.
        present: int64 [N, L + 1], codes and suffix of the existing items, including removed ones, so that a suffix is
            never reused; [N, L] if items with equal codes share a Semantic ID.
        suffixes: number of suffixes the recommender knows; None if items with equal codes share a Semantic ID.
        candidates: ranks the last codes for items whose place is taken.
    """
    nobody = codes.new_empty(0)
    if suffixes is None:
        return Placement(codes.clone(), nobody, nobody)
    group, found, of_present = matching(codes, present[:, :-1])
    # A free suffix below the largest may have been that of an item that is no longer here.
    suffix = _next_suffixes(of_present, present[found, -1], len(codes))[group] + collision_ranks(codes)
    placed = torch.cat([codes, suffix[:, None]], dim=1)
    crowded = (suffix >= suffixes).nonzero().squeeze(1)
    if not len(crowded):
        return Placement(placed, nobody, nobody)
    there = torch.cat([present, placed[suffix < suffixes]])
    beside = matching(codes[crowded, :-1], there[:, :-2])[1]
    unplaced = _move(placed, crowded, _next_by_codes(there[beside]), suffixes, candidates(crowded))
    return Placement(placed, crowded[~torch.isin(crowded, unplaced)], unplaced)


def ranked_last_codes(tokenizer: ItemTokenizer, features: Tensor, codes: Tensor) -> Tensor:
    """Return the last codes [R, K] by distance between the item and its reconstruction, nearest first.

    Args:
        tokenizer: its codebooks.
        features: float32 [R, d].
        codes: int64 [R, L], whose last code is ignored.
    """
    size, ranked = tokenizer.codebook_sizes[-1], []
    at_once = max(1, _VALUES_AT_ONCE // (size * tokenizer.latent(features[:1]).shape[1]))
    for values, own in zip(features.split(at_once), codes.split(at_once)):
        options = own.repeat_interleave(size, dim=0)
        options[:, -1] = torch.arange(size).repeat(len(own))
        latent = tokenizer.latent(values).repeat_interleave(size, dim=0)
        distance = (tokenizer.quantized(options) - latent).square().sum(dim=1).view(len(own), size)
        ranked.append(distance.argsort(dim=1, stable=True))
    return torch.cat(ranked)


def matching(rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a number for each of ``rows`` [A, C], equal for equal rows; which of ``others`` [N, C] equal one of them;
    and the number of each of those.

    One pass over the remaining ``others`` per column; only ``rows`` is sorted.
    """
    number = rows.new_zeros(len(rows))
    left, of_left = torch.arange(len(others)), others.new_zeros(len(others))
    for mine, theirs in zip(rows.t(), others.t()):
        size = int(mine.max()) + 1
        keys, number = torch.unique(number * size + mine, return_inverse=True)
        code = theirs[left]
        key = of_left * size + code
        place = torch.searchsorted(keys, key).clamp(max=len(keys) - 1)
        equal = (keys[place] == key) & (code < size)
        left, of_left = left[equal], place[equal]
    return number, left, of_left


def _next_suffixes(group: Tensor, suffix: Tensor, n_groups: int) -> Tensor:
    """Return the suffix after the largest of each group, int64 [n_groups], given group and suffix [M] of items."""
    return group.new_zeros(n_groups).scatter_reduce(0, group, suffix.long() + 1, "amax")


def _next_by_codes(tokens: Tensor) -> dict[tuple[int, ...], int]:
    """Return, by codes, the suffix after the largest of items with them, given codes and suffixes [M, L + 1]."""
    groups, group = torch.unique(tokens[:, :-1], dim=0, return_inverse=True)
    return dict(zip(map(tuple, groups.tolist()), _next_suffixes(group, tokens[:, -1], len(groups)).tolist()))


def _move(placed: Tensor, rows: Tensor, after: dict[tuple[int, ...], int], suffixes: int, candidates: Tensor) -> Tensor:
    """Move each of ``rows`` in turn to its best last code with a free suffix; return those without one.

    ``after`` has the next suffix by codes.
    """
    unplaced = []
    for row, wanted in zip(rows.tolist(), candidates.tolist()):
        prefix = tuple(placed[row, :-2].tolist())
        last = next((code for code in wanted if after.get((*prefix, code), 0) < suffixes), None)
        if last is None:
            unplaced.append(row)
            continue
        suffix = after.get((*prefix, last), 0)
        placed[row, -2], placed[row, -1] = last, suffix
        after[(*prefix, last)] = suffix + 1
    return torch.tensor(unplaced, dtype=torch.int64)
