"""Item features in shards: `.npy` files, each with a list of its items' tokens, or Parquet files.

Letters: N items of a shard, R rows of a block, d columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.arrow_ids import tokens_of_arrow
from recbole_adasid.features.vectors import tokens_beside
from recbole_adasid.io.one_line import first_line
from recbole_adasid.io.parquet import open_parquet
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.tokenizer.bulk.blocks import check_features, npy_blocks

ITEM, EMBEDDING = "item_id", "embedding"


@dataclass(frozen=True)
class Shard:
    """The items of one file, read on demand."""

    tokens: list[str]
    """Of the N items."""
    blocks: Callable[[int], Iterator[NDArray]]
    """Yields the features in blocks of at most that many rows, floats [R, d]."""


def shard_paths(where: str | Path) -> list[Path]:
    """Return the shards of a catalogue in order of their names, which is the item order.

    Raises:
        FileNotFoundError: if the path does not exist.
        SettingsError: if there is no shard, or two differ only in their suffix.
    """
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(f"There are no features at {path}: correct the path.")
    found = sorted(path.iterdir(), key=lambda one: one.name) if path.is_dir() else [path]
    chosen = [one for one in found if one.suffix in READERS]
    if not chosen:
        raise SettingsError(f"{path} has no {' or '.join(READERS)} file: save the features as one.")
    seen: set[str] = set()
    for name in (one.stem for one in chosen):
        if name in seen:
            raise SettingsError(f"{path} has two shards named {name}: rename one.")
        seen.add(name)
    return chosen


def read_shard(path: Path) -> Shard:
    """Open a shard.

    Raises:
        FileNotFoundError: if it no longer exists.
        ValueError: if it is damaged, or is not one token and one float vector per item.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} no longer exists: restore it.")
    return READERS[path.suffix](path)


def _read_npy(path: Path) -> Shard:
    n_items, tokens = check_features(path), tokens_beside(path)
    if len(tokens) != n_items:
        raise ValueError(f"{path} has {n_items} rows, but {path.stem}.items.txt {len(tokens)} lines: make them equal")
    return Shard(tokens, lambda rows: npy_blocks(path, rows))


def _read_parquet(path: Path) -> Shard:
    import pyarrow

    file = open_parquet(path, (ITEM, EMBEDDING))
    try:
        column = file.read([ITEM]).column(ITEM)
        tokens = tokens_of_arrow(column, path, ITEM).tolist()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({first_line(error)}): re-create the file") from None
    if missing := tokens.count(None):
        raise ValueError(f"{path}: {missing} items have no {ITEM}: fill them in or drop those items")
    return Shard(tokens, lambda rows: _parquet_blocks(path, rows))


def _parquet_blocks(path: Path, rows: int) -> Iterator[NDArray]:
    import pyarrow

    start = 0
    try:
        for batch in open_parquet(path, (EMBEDDING,)).iter_batches(rows, columns=[EMBEDDING]):
            yield _matrix(batch.column(0), path, start)
            start += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read after row {start} ({first_line(error)}): re-create the file") from None


def _matrix(column: Any, path: Path, start: int) -> NDArray:
    """Return lists of floats of equal length as a matrix [R, d]."""
    from pyarrow import compute, types

    is_list = types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type)
    if not is_list or not types.is_floating(column.type.value_type):
        raise ValueError(f"{path}: {EMBEDDING} holds {column.type}: save one list of floats per item")
    lengths = compute.list_value_length(column)
    if column.null_count or len(lengths.unique()) > 1:
        raise ValueError(
            f"{path}: {EMBEDDING} is missing or differs in length within rows {start} … {start + len(column) - 1}: "
            "save one vector per item"
        )
    values = column.flatten()
    if values.null_count:
        raise ValueError(f"{path}: {EMBEDDING} has nulls within rows {start} … {start + len(column) - 1}: fill them in")
    return np.array(values.to_numpy(zero_copy_only=False)).reshape(len(column), -1)


READERS: dict[str, Callable[[Path], Shard]] = {".npy": _read_npy, ".parquet": _read_parquet}
