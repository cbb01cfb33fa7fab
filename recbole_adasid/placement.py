"""Semantic IDs for items that arrive after training: frozen codebooks, and nobody is renamed.

Letters: A new items, N items that are there, L levels, K codewords of the last level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import collision_ranks, numbered_rows

Candidates = Callable[[Tensor], Tensor]
"""From rows [R] of new items to the last codes [R, K] they would best have, the best first."""


@dataclass(frozen=True)
class Placement:
    """Where new items went."""

    tokens: Tensor
    """int64 [A, S], their codes and, with suffixes, one that no other item of the same codes has."""
    moved: Tensor
    """int64, the rows whose last code is not their nearest, because no suffix was left there."""


class NoPlace(ValueError):
    """A new item for which no suffix is left, whatever its last code."""

    def __init__(self, row: int, size: int) -> None:
        super().__init__(f"row {row}: every Semantic ID that begins like its own is taken {size} times")
        self.row = row


def place(codes: Tensor, present: Tensor, suffixes: int | None, candidates: Candidates) -> Placement:
    """Give new items Semantic IDs beside those of a catalogue.

    A new item gets its nearest codewords and the lowest suffix that is free among items of the same codes, earlier new
    items first. Where none is left it takes the best last code that has one, after all items that fit.

    Args:
        codes: int64 [A, L], the nearest codewords of the new items.
        present: int64 [N, L + 1], codes and suffix of the items that are there, those that were removed included, so
            that a suffix is never given twice; [N, L] where items of equal codes share a Semantic ID.
        suffixes: how many suffixes the recommender knows; None where items of equal codes share a Semantic ID.
        candidates: ranks the last codes for items that find their place taken.

    Raises:
        NoPlace: for an item for which no last code is left.
    """
    if suffixes is None:
        return Placement(codes.clone(), codes.new_empty(0))
    both = torch.cat([present[:, :-1], codes])
    prefix = numbered_rows(both[:, :-1])
    group = numbered_rows(both[:, -1:], within=prefix)
    n_present = len(present)
    # Suffixes are given from 0 on and never taken back, so those of a group are 0 … its size − 1.
    taken = torch.bincount(group[:n_present], minlength=int(group.max()) + 1)
    suffix = taken[group[n_present:]] + collision_ranks(codes)
    placed = torch.cat([codes, suffix[:, None]], dim=1)
    moved = (suffix >= suffixes).nonzero().squeeze(1)
    if len(moved):
        there = torch.cat([torch.ones(n_present, dtype=torch.bool), suffix < suffixes])
        beside = there & torch.isin(prefix, prefix[n_present + moved])
        _move(placed, moved, _sizes(both[beside]), suffixes, candidates(moved))
    return Placement(placed, moved)


def _sizes(codes: Tensor) -> dict[tuple[int, ...], int]:
    groups, counts = torch.unique(codes, dim=0, return_counts=True)
    return dict(zip(map(tuple, groups.tolist()), counts.tolist()))


def _move(placed: Tensor, rows: Tensor, taken: dict[tuple[int, ...], int], suffixes: int, candidates: Tensor) -> None:
    """Put each of ``rows`` where its best last code has a suffix left, one after the other."""
    for row, wanted in zip(rows.tolist(), candidates.tolist()):
        prefix = tuple(placed[row, :-2].tolist())
        last = next((code for code in wanted if taken.get((*prefix, code), 0) < suffixes), None)
        if last is None:
            raise NoPlace(row, suffixes)
        suffix = taken.get((*prefix, last), 0)
        placed[row, -2], placed[row, -1] = last, suffix
        taken[(*prefix, last)] = suffix + 1
