"""The meaning of the integers in an exchanged file: other packages' formats can be read in several ways.

An integer is `first_code` + the offset of its level + the code, where the offset is 0, or, with `offset`, the number of
codewords of all earlier levels. With `suffix`, an item's last integer is not a code but separates items with equal
codes; some writers omit it for items with unique codes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.bundle.item_sids import ItemSIDs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """How codes are written."""

    offset: bool
    """Whether codes are numbered continuously across levels."""
    suffix: bool
    """Whether the last integer separates items with equal codes."""
    first_code: int = 0
    """The first code of a level."""
    level_sizes: tuple[int, ...] | None = None
    """Codewords of each level; None: unknown."""


def written(sids: ItemSIDs, layout: Layout) -> NDArray[np.int64]:
    """Return the integers [N, S] of a file with a layout.

    Raises:
        ValueError: if the layout has a suffix and the Semantic IDs have none.
    """
    if layout.suffix and sids.suffix is None:
        raise ValueError("these Semantic IDs are shared and have no suffix (collision: shared): set suffix=false")
    table = sids.sequences if layout.suffix else sids.codes
    return table + layout.first_code + (_offsets(sids.level_sizes)[: table.shape[1]] if layout.offset else 0)


def understood(tokens: Sequence[str], rows: Sequence[Sequence[int]], layout: Layout, source: str) -> ItemSIDs:
    """Return the Semantic IDs encoded by rows of integers from 0.

    Args:
        tokens: of the N items.
        rows: one per item, in that order.
        layout: meaning of the integers; unknown level sizes are taken from the largest codes, with a warning.
        source: where the rows are from, for errors.

    Raises:
        ValueError: for rows that do not fit the layout, naming the first item.
    """
    table = _table(tokens, rows, layout, source)
    levels = table.shape[1] - layout.suffix
    missing = table < 0
    _check_layout(layout, levels, source, of_one_length=not missing.any())
    table = table - layout.first_code - (_offsets(layout.level_sizes or ())[: table.shape[1]] if layout.offset else 0)
    table[missing] = 0
    codes = table[:, :levels]
    sizes = list(layout.level_sizes) if layout.level_sizes else _sizes_of(codes, source)
    _check_range(tokens, table, [*sizes, np.inf][: table.shape[1]], layout, source)
    if layout.first_code == 0 and codes.min() > 0:
        logger.warning("%s: no item has the code 0 on any level: if its levels count from 1, set first_code=1.", source)
    try:
        return ItemSIDs(tokens, codes, sizes, table[:, levels] if layout.suffix else None)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _table(tokens: Sequence[str], rows: Sequence[Sequence[int]], layout: Layout, source: str) -> NDArray[np.int64]:
    """Return the rows as they are [N, S]; a missing suffix is −1."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    width = int(lengths.max(initial=0))
    short = np.flatnonzero(lengths < width - layout.suffix)
    if len(short) or width <= layout.suffix:
        remedy = (
            "" if layout.suffix else "; if longer ones end in a number that separates colliding items, set suffix=true"
        )
        first = f": '{tokens[int(short[0])]}' has {lengths[short[0]]} codes, others {width}" if len(short) else ""
        raise ValueError(f"{source}: the Semantic IDs differ in length{first}{remedy}.")
    table = np.full((len(rows), width), -1, dtype=np.int64)
    table[np.arange(width) < lengths[:, None]] = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    return table


def _check_layout(layout: Layout, levels: int, source: str, *, of_one_length: bool) -> None:
    sizes = layout.level_sizes
    if layout.offset and sizes is None:
        raise ValueError(
            f"{source}: codes numbered continuously across levels need level_sizes: give {levels} sizes, one per level."
        )
    if layout.suffix and sizes is None and of_one_length:  # a writer that omits unneeded suffixes may have written none
        raise ValueError(
            f"{source}: all Semantic IDs have {levels + 1} integers, so the last may be a code or a suffix: give "
            "level_sizes, one size per level, if it is a suffix, and set suffix=false if it is a code."
        )
    if sizes is not None and len(sizes) != levels:
        raise ValueError(
            f"{source} has {levels} levels{' and a suffix' if layout.suffix else ''}, but level_sizes={list(sizes)} "
            f"has {len(sizes)}: give one size per level, and set suffix to say whether the last integer is a code."
        )


def _sizes_of(codes: NDArray[np.int64], source: str) -> list[int]:
    """Return the smallest sizes that fit the codes [N, L], unless the codes look continuous across levels."""
    if codes.shape[1] > 1 and (codes[:, 1:].min(axis=0) > codes[:, :-1].max(axis=0)).all():
        raise ValueError(
            f"{source}: the codes of every level are above those of the previous one, as with level offsets: set "
            "offset=true and level_sizes, or only level_sizes if they are plain codes."
        )
    sizes = [int(size) for size in codes.max(axis=0) + 1]
    logger.warning("%s: level_sizes not given, using the largest code of each level: %s.", source, sizes)
    return sizes


def _check_range(
    tokens: Sequence[str], table: NDArray[np.int64], sizes: Sequence[float], layout: Layout, source: str
) -> None:
    wrong = np.argwhere((table < 0) | (table >= np.array(sizes)))
    if len(wrong):
        row, place = wrong[0]
        what = f"level {place + 1}" if place < table.shape[1] - layout.suffix else "the suffix"
        read = f"offset={str(layout.offset).lower()}, first_code={layout.first_code}"
        read += f", level_sizes={list(layout.level_sizes)}" if layout.level_sizes else ""
        raise ValueError(
            f"{source}: item '{tokens[row]}' has the code {table[row, place]} on {what}, read with {read}: correct "
            "these options."
        )


def _offsets(level_sizes: Sequence[int]) -> NDArray[np.int64]:
    """Return the number of codewords of all earlier levels, for each level and for a suffix [L + 1]."""
    return np.cumsum([0, *level_sizes], dtype=np.int64)
