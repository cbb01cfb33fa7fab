"""Semantic IDs for the items of a table in memory, from a frozen tokenizer.

Letters: N items, d columns of features, L levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.data.convert.cell_values import identifier
from recbole_adasid.data.convert.counting import Unusable
from recbole_adasid.data.convert.rows import nearest_column
from recbole_adasid.io.frames import Frame, made_like, values
from recbole_adasid.serving.assign_catalogue import frozen_tokenizer
from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.tokenizer.bulk.blocks import ROWS_AT_ONCE, encode_blocks
from recbole_adasid.tokenizer.bulk.feature_shards import EMBEDDING
from recbole_adasid.tokenizer.codes import ITEM, SUFFIX


def assign(
    items: Any,
    *,
    run_folder: str | Path | None = None,
    bundle: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    progress: bool = False,
) -> Any:
    """Assign Semantic IDs to items by their vectors; return a table of the same library.

    Args:
        items: a pandas, Polars or Arrow table with an item and a vector (list of d floats) per row.
        run_folder: folder of a finished run, whose tokenizer to use; or
        bundle: folder of a bundle, whose tokenizer to use.
        columns: its column names for `item_id` and `embedding`, where they differ.
        progress: show a progress bar.

    Returns:
        The item column, sid_1 … sid_L counted from 0, and suffix, the number of earlier rows with the same codes.

    Raises:
        SettingsError: for a missing column, or unless exactly one of `run_folder` and `bundle` is given.
        ValueError: if ``items`` is not a table, or if an item is missing, repeated or has no usable vector.
        ImportError: if narwhals is not installed.
    """
    if (run_folder is None) == (bundle is None):
        raise SettingsError("Give either run_folder or bundle, whose tokenizer is used.")
    tokenizer = frozen_tokenizer({"run_folder": run_folder, "bundle": bundle})
    frame = Frame(items, "items")
    item, vector = _names(frame, columns or {})
    made = [f"sid_{level}" for level in range(1, 1 + len(tokenizer.codebook_sizes))]
    if item in (*made, SUFFIX):
        raise SettingsError(
            f"The column {item!r} clashes with one of the result ({', '.join(made)}, {SUFFIX}): rename it."
        )
    table = frame.select([item, vector])
    _check_items(values(table[item]))
    with tqdm(total=len(table), desc="Semantic IDs", unit="item", unit_scale=True, disable=not progress) as bar:
        codes = encode_blocks(tokenizer, _blocks(table[vector]), len(table), frame.what, bar)
    levels = {name: column.astype(np.int64) for name, column in zip(made, codes.T)}
    suffix = pd.DataFrame(levels).groupby(list(levels), sort=False).cumcount().to_numpy()
    return made_like(table, {item: table[item], **levels, SUFFIX: suffix})


def _names(frame: Frame, columns: Mapping[str, str]) -> tuple[str, str]:
    for name in columns:
        if name not in (ITEM, EMBEDDING):
            raise unknown_name("entry of columns", name, (ITEM, EMBEDDING))
    item, vector = (columns.get(name, name) for name in (ITEM, EMBEDDING))
    for name, raw in ((ITEM, item), (EMBEDDING, vector)):
        if raw not in frame.columns:
            near = nearest_column(raw, frame.columns)
            raise SettingsError(f"{frame.no_column(raw)}, for {name}: map it, as in columns={{{name!r}: {near!r}}}.")
    return item, vector


def _check_items(given: list[Any]) -> None:
    """Check that every row has its own item.

    Raises:
        ValueError: naming the first row (from 0) that does not.
    """
    first: dict[str, int] = {}
    for row, value in enumerate(given):
        try:
            token = identifier(value, "item")
        except Unusable as reason:
            raise ValueError(f"items, row {row} has {reason}: fix it, or drop the row.") from None
        if first.setdefault(token, row) != row:
            raise ValueError(f"items, row {row} repeats the item {token!r} of row {first[token]}: keep one.")


def _blocks(column: Any) -> Iterator[NDArray]:
    width = None
    for start in range(0, len(column), ROWS_AT_ONCE):
        block = _matrix(column[start : start + ROWS_AT_ONCE].to_list(), start)
        width = width or block.shape[1]
        if block.shape[1] != width:
            raise _not_vectors(f"have {block.shape[1]} numbers where earlier ones have {width}", start, len(block))
        yield block


def _matrix(vectors: list[Any], start: int) -> NDArray:
    """Return vectors as floats [R, d].

    Raises:
        ValueError: if they are not lists of floats of equal length.
    """
    try:
        block = np.array(vectors)
    except ValueError:  # lists of different lengths
        raise _not_vectors("differ in length or are missing", start, len(vectors)) from None
    if block.ndim != 2 or not np.issubdtype(block.dtype, np.floating):
        raise _not_vectors("are not all lists of floats of one length", start, len(vectors))
    return block


def _not_vectors(what: str, start: int, rows: int) -> ValueError:
    return ValueError(
        f"items: the vectors in rows {start} … {start + rows - 1} {what}: give a list of floats per item."
    )
