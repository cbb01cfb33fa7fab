"""The items that can be recommended, as the tokens of their semantic IDs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from recbole_adasid.compute.numbering import numbered_rows
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.settings.errors import check_name

COLLISIONS = ("suffix", "shared")
MOST_LEVELS = 64
"""Levels of a Semantic ID, without suffix, that a model may have."""


class Catalogue(nn.Module):
    """Semantic IDs of all items, optionally made unique, and the prefix tree that constrains decoding.

    Args:
        codes: int64 [N, L]; row r belongs to item r + 1 (item 0 is padding).
        codebook_sizes: codewords of each of the L levels.
        collision: what to do with items of equal codes. "suffix" (TIGER, section 3.1) numbers them 0, 1, … in item
            order with an additional token for every item, so S = L + 1; "shared" leaves them equal (S = L), and
            decoding such a SID yields all its items.
        suffix: int64 [N], previously assigned suffixes; None: numbered in item order.
        n_suffixes: least size of the suffix level, for items that may come later.

    Raises:
        ValueError: unknown ``collision``, or codes of the wrong shape or outside their codebook.
    """

    tokens: Tensor  # int32 [N + 1, S]: codes per level; row 0 is padding
    tree: PrefixTree

    def __init__(
        self,
        codes: Tensor,
        codebook_sizes: Sequence[int],
        *,
        collision: str = "suffix",
        suffix: Tensor | None = None,
        n_suffixes: int = 0,
    ) -> None:
        super().__init__()
        check_name("collision", collision, COLLISIONS)
        sizes = [int(size) for size in codebook_sizes]
        codes = codes.long()
        _check(codes, sizes)
        if collision == "suffix":
            suffix = collision_ranks(codes) if suffix is None else suffix.long()
            codes = torch.cat([codes, suffix[:, None]], dim=1)
            sizes.append(max(int(suffix.max()) + 1, n_suffixes))
        self._fill(codes, sizes, collision)

    @classmethod
    def empty(cls, n_items: int, level_sizes: Sequence[int], collision: str = "suffix") -> Catalogue:
        """Return a placeholder for ``load_state_dict``.

        Args:
            n_items: N, without padding.
            level_sizes: of all S levels, including the suffix (the ``level_sizes`` of the saved catalogue).
        """
        catalogue = cls.__new__(cls)
        nn.Module.__init__(catalogue)
        codes = torch.zeros(n_items, len(level_sizes), dtype=torch.int64)
        catalogue._fill(codes, [int(size) for size in level_sizes], collision)
        return catalogue

    def changed(self, more: Tensor, recommended: Tensor) -> Catalogue:
        """Return a catalogue with further items appended, restricted to some for recommendation.

        Args:
            more: int64 [A, S], tokens of the further items, on the same levels.
            recommended: int64 [R], ascending ids of the items that may be recommended; the others may still occur in
                histories.
        """
        catalogue = Catalogue.__new__(Catalogue)
        nn.Module.__init__(catalogue)
        catalogue.collision, catalogue.level_sizes = self.collision, self.level_sizes
        catalogue.register_buffer("tokens", torch.cat([self.tokens, more.to(self.tokens)]))
        catalogue.tree = catalogue.tree_of(recommended)
        return catalogue

    def tree_of(self, items: Tensor) -> PrefixTree:
        """Return the prefix tree of some items, given by ascending ids int64 [R]."""
        items = items.to(self.tokens.device)
        return PrefixTree(self.tokens[items], self.level_sizes, items)

    @property
    def n_items(self) -> int:
        """Number of items, without padding."""
        return self.tokens.shape[0] - 1

    @property
    def semantic_ids(self) -> Tensor:
        """Codes of the L levels without any suffix, int32 [N + 1, L]; row 0 is padding."""
        return self.tokens[:, :-1] if self.collision == "suffix" else self.tokens

    def forward(self, item_ids: Tensor) -> Tensor:
        """Return the tokens int64 [..., S] of ``item_ids`` [...]."""
        return self.tokens[item_ids].long()

    def _fill(self, tokens: Tensor, level_sizes: list[int], collision: str) -> None:
        self.collision = collision
        self.level_sizes = level_sizes
        self.register_buffer("tokens", nn.functional.pad(tokens.int(), (0, 0, 1, 0)))
        self.tree = PrefixTree(tokens, level_sizes)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        # Models are saved as int64, so that older files can be loaded.
        destination[f"{prefix}tokens"] = destination[f"{prefix}tokens"].long()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        self.tree = PrefixTree(self.tokens[1:], self.level_sizes)


def collision_ranks(codes: Tensor) -> Tensor:
    """Number the items of equal ``codes`` [N, L] by 0, 1, 2 … in item order → int64 [N]."""
    group = numbered_rows(codes)
    sizes = torch.bincount(group)
    order = torch.argsort(group, stable=True)
    first = sizes.cumsum(0) - sizes
    ranks = torch.empty_like(group)
    ranks[order] = torch.arange(len(group), device=codes.device) - first[group[order]]
    return ranks


def _check(codes: Tensor, sizes: list[int]) -> None:
    if codes.ndim != 2 or codes.shape[1] != len(sizes) or codes.shape[0] == 0:
        raise ValueError(
            f"codes have shape {tuple(codes.shape)}, expected a row per item and {len(sizes)} columns, one per codebook"
        )
    wrong = (codes < 0) | (codes >= torch.tensor(sizes, device=codes.device))
    if wrong.any():
        row, level = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"item {row + 1} has code {int(codes[row, level])} at level {level}, whose codebook has {sizes[level]}"
        )
