"""Assigned Semantic IDs: one Parquet file per feature shard, with its metadata.

Letters: N items of a shard, L levels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.parquet import open_parquet, require_pyarrow
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.tokenizer.codes import ITEM, SUFFIX

_ABOUT = b"semantic_ids"
MANIFEST = "assignment.json"


@dataclass(frozen=True)
class Assigned:
    """The Semantic IDs of a shard."""

    tokens: Any
    """Of the N items, as an array of pyarrow."""
    codes: NDArray[np.uint16]
    """[N, L]."""
    suffix: NDArray[np.uint32] | None
    """[N], tells items with equal codes apart; None until suffixes are assigned."""
    about: dict[str, Any]
    """``fingerprint`` of the inputs that determine the codes, and ``level_sizes``."""


def write_assigned(path: Path, assigned: Assigned) -> None:
    """Write a shard as a table of item_id, sid_1 … sid_L and, if assigned, suffix.

    Raises:
        CannotWrite: if the disk is full or not writable.
    """
    pyarrow, parquet = require_pyarrow(path)
    columns = {ITEM: assigned.tokens}
    columns |= {f"sid_{level}": pyarrow.array(column) for level, column in enumerate(assigned.codes.T, start=1)}
    if assigned.suffix is not None:
        columns[SUFFIX] = pyarrow.array(assigned.suffix)
    known = json.dumps({**assigned.about, "offset": False, "first_code": 0})
    with written_whole(path) as waiting:
        parquet.write_table(pyarrow.table(columns).replace_schema_metadata({_ABOUT: known}), waiting)


def read_assigned(path: Path) -> Assigned:
    """Read what :func:`write_assigned` wrote.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    pyarrow, _ = require_pyarrow(path)
    about = read_about(path)
    levels = [f"sid_{level}" for level in range(1, len(about["level_sizes"]) + 1)]
    file = open_parquet(path, (ITEM, *levels))
    try:
        table = file.read().combine_chunks()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): remove it and run the same command again") from None
    codes = np.column_stack([table.column(name).to_numpy().astype(np.uint16) for name in levels])
    suffix = table.column(SUFFIX).to_numpy().astype(np.uint32) if SUFFIX in table.column_names else None
    tokens = table.column(ITEM)
    return Assigned(tokens, codes, suffix, about)


def read_about(path: Path) -> dict[str, Any]:
    """Return the metadata of a shard: what its codes were made from.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    metadata = open_parquet(path, (ITEM,)).schema_arrow.metadata or {}
    try:
        about = json.loads(metadata.get(_ABOUT, b""))
        return {"fingerprint": str(about["fingerprint"]), "level_sizes": [int(size) for size in about["level_sizes"]]}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ValueError(f"{path} holds no assigned Semantic IDs: remove it and run the same command again") from None


def target_of(shard: Path, out: Path) -> Path:
    """Return the file for the Semantic IDs of a feature shard."""
    return out / f"{shard.stem}.parquet"


def refuse_to_replace(shards: Sequence[Path], out: Path) -> None:
    """Check that Semantic IDs never get into a folder of feature shards, where they could replace features.

    Raises:
        SettingsError: if the folder ``out`` is that of a shard, or one of its files would be a shard.
    """
    features = {shard.resolve() for shard in shards}
    folders = {shard.parent for shard in features} | {shard.parent.resolve() for shard in shards}  # of links, too
    if out.resolve() in folders:
        raise SettingsError(
            f"{out} is the folder of the features, which files with Semantic IDs could replace: choose another folder "
            "for out."
        )
    for shard in shards:
        if target_of(shard, out).resolve() in features:
            raise SettingsError(
                f"{target_of(shard, out)} is itself a file of features, which its Semantic IDs would replace: choose "
                "another folder for out."
            )


def is_done(path: Path, fingerprint: str, level_sizes: Sequence[int]) -> bool:
    """Tell whether a file holds the Semantic IDs for this fingerprint; a damaged file does not."""
    try:
        return path.is_file() and read_about(path) == {"fingerprint": fingerprint, "level_sizes": list(level_sizes)}
    except ValueError:
        return False
