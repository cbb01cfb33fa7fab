"""The Semantic IDs of a catalogue for exchange: codes by item token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.tokenizer.codes import check_codes

LARGEST_LEVEL = 65_536


@dataclass(frozen=True, eq=False)
class ItemSIDs:
    """Items and their Semantic IDs, one row per item.

    Codes and suffix are separate: codes describe an item; the suffix, which separates items with equal codes, is a
    number that an item keeps when others are added or removed.

    Raises:
        ValueError: if the shapes do not match, an item occurs twice, a code exceeds its level, or two items with equal
            codes have the same suffix.
    """

    tokens: Sequence[str]
    """Tokens of the N items."""
    codes: NDArray[np.int64]
    """[N, L], counted from 0 on every level."""
    level_sizes: Sequence[int]
    """Codewords of each of the L levels."""
    suffix: NDArray[np.int64] | None = None
    """[N], from 0; None: items with equal codes share a Semantic ID."""

    def __post_init__(self) -> None:
        """Check, and make the arrays read-only."""
        check_codes(self.tokens, self.codes, self.level_sizes)
        if not self.tokens or not self.level_sizes or max(self.level_sizes) > LARGEST_LEVEL:
            raise ValueError(
                f"{len(self.tokens)} items on levels of {list(self.level_sizes)} codewords: give at least one item "
                f"and one level, with at most {LARGEST_LEVEL:,} codewords per level."
            )
        if self.suffix is not None:
            _check_suffix(self.tokens, self.codes, self.suffix)
            self.suffix.flags.writeable = False
        self.codes.flags.writeable = False

    @property
    def collision(self) -> str:
        """How items with equal codes are distinguished, as in the setting: ``suffix`` or ``shared``."""
        return "shared" if self.suffix is None else "suffix"

    @cached_property
    def sequences(self) -> NDArray[np.int64]:
        """The full sequences [N, S]: the codes, and the suffix if there is one."""
        return self.codes if self.suffix is None else np.column_stack([self.codes, self.suffix])

    @property
    def sequence_sizes(self) -> list[int]:
        """Number of possible values of each of the S places of a sequence."""
        return [*self.level_sizes, *([] if self.suffix is None else [int(self.suffix.max()) + 1])]

    @cached_property
    def _rows(self) -> pd.Index:
        return pd.Index(self.tokens)

    def rows_of(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each of ``tokens`` [M], −1 for unknown items."""
        return self._rows.get_indexer(pd.Index(tokens, dtype=self._rows.dtype)).astype(np.int64)


def as_item_sids(
    tokens: Sequence[str], codes: ArrayLike, level_sizes: Sequence[int], suffix: ArrayLike | None = None
) -> ItemSIDs:
    """Return Semantic IDs from anything that numpy reads as whole numbers.

    Raises:
        ValueError: as in :class:`ItemSIDs`.
    """
    numbers = None if suffix is None else np.array(suffix, dtype=np.int64)
    return ItemSIDs(list(tokens), np.array(codes, dtype=np.int64), [int(size) for size in level_sizes], numbers)


def _check_suffix(tokens: Sequence[str], codes: NDArray[np.int64], suffix: NDArray[np.int64]) -> None:
    if suffix.shape != (len(tokens),) or suffix.min() < 0:
        raise ValueError(
            f"The suffix has the shape {suffix.shape} for {len(tokens)} items, or is below 0 (smallest: "
            f"{suffix.min(initial=0)}): pass one number from 0 for each item."
        )
    again = pd.DataFrame(np.column_stack([codes, suffix])).duplicated().to_numpy()
    if again.any():
        row = int(np.flatnonzero(again)[0])
        same = (codes == codes[row]).all(axis=1) & (suffix == suffix[row])
        raise ValueError(
            f"The items '{tokens[int(np.flatnonzero(same)[0])]}' and '{tokens[row]}' have the same codes "
            f"{codes[row].tolist()} and the same suffix {suffix[row]}: give items with equal codes different suffixes."
        )
