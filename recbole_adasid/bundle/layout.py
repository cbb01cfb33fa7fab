"""What the integers of an exchanged file mean: one file format of other packages has several readings.

An integer stands for `first_code` + the offset of its level + the code, where the offset is 0, or, with `offset`, the
number of codewords of all levels before. With `suffix` the last integer of an item is no code but tells items of equal
codes apart; some writers leave it out where an item has its codes for itself.
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
    """Whether codes count on over the levels."""
    suffix: bool
    """Whether the last integer tells items of equal codes apart."""
    first_code: int = 0
    """What a level counts from."""
    level_sizes: tuple[int, ...] | None = None
    """Codewords of each level; None: not known."""


def written(sids: ItemSIDs, layout: Layout) -> NDArray[np.int64]:
    """Return the integers [N, S] of a file with a layout.

    Raises:
        ValueError: if the layout has a suffix and the Semantic IDs have none.
    """
    if layout.suffix and sids.suffix is None:
        raise ValueError("these Semantic IDs have no suffix, items share them (collision: shared): set suffix=false")
    table = sids.sequences if layout.suffix else sids.codes
    return table + layout.first_code + (_offsets(sids.level_sizes)[: table.shape[1]] if layout.offset else 0)


def understood(tokens: Sequence[str], rows: Sequence[Sequence[int]], layout: Layout, source: str) -> ItemSIDs:
    """Return the Semantic IDs that rows of integers from 0 on stand for.

    Args:
        tokens: of the N items.
        rows: one an item, in that order.
        layout: what the integers mean; unknown level sizes are taken from the largest codes, with a warning.
        source: where the rows are from, for errors.

    Raises:
        ValueError: for rows that the layout does not fit, naming the first item.
    """
    table = _table(tokens, rows, layout, source)
    levels = table.shape[1] - layout.suffix
    _check_layout(layout, levels, source)
    missing = table < 0
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
    """Return the rows as they stand [N, S]; a suffix that is left out is −1."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    width = int(lengths.max(initial=0))
    short = np.flatnonzero(lengths < width - layout.suffix)
    if len(short) or width <= layout.suffix:
        remedy = (
            ""
            if layout.suffix
            else "; if longer ones end in a number that tells colliding items apart, set suffix=true"
        )
        first = f": '{tokens[int(short[0])]}' has {lengths[short[0]]} codes, others {width}" if len(short) else ""
        raise ValueError(f"{source}: the Semantic IDs are not of one length{first}{remedy}.")
    table = np.full((len(rows), width), -1, dtype=np.int64)
    table[np.arange(width) < lengths[:, None]] = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    return table


def _check_layout(layout: Layout, levels: int, source: str) -> None:
    sizes = layout.level_sizes
    if layout.offset and sizes is None:
        raise ValueError(
            f"{source}: codes that count on over the levels need level_sizes: give {levels} sizes, one a level."
        )
    if sizes is not None and len(sizes) != levels:
        raise ValueError(
            f"{source} has {levels} levels{' and a suffix' if layout.suffix else ''}, but level_sizes={list(sizes)} "
            f"names {len(sizes)}: give one size a level, and say by suffix whether the last integer is a code."
        )


def _sizes_of(codes: NDArray[np.int64], source: str) -> list[int]:
    """Return the least sizes that the codes [N, L] need, unless they look as if they counted on over the levels."""
    if codes.shape[1] > 1 and (codes[:, 1:].min(axis=0) > codes[:, :-1].max(axis=0)).all():
        raise ValueError(
            f"{source}: the codes of every level lie above those of the level before, as codes with level offsets do: "
            "set offset=true and level_sizes, or, if they are codes after all, level_sizes alone."
        )
    sizes = [int(size) for size in codes.max(axis=0) + 1]
    logger.warning("%s: level_sizes is not given: taken from the largest code of each level, %s.", source, sizes)
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
            f"{source}: item '{tokens[row]}' has on {what} the code {table[row, place]}, read with {read}: one of "
            "these is not the file's."
        )


def _offsets(level_sizes: Sequence[int]) -> NDArray[np.int64]:
    """Return how many codewords all levels before have, for each level and for a suffix [L + 1]."""
    return np.cumsum([0, *level_sizes], dtype=np.int64)
