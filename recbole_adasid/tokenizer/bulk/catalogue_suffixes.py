"""Second pass of an assignment: suffixes that tell items with equal codes apart, over all shards.

An item's suffix is the number of items with equal codes before it, in order of shard names and rows: the same rule as
:func:`~recbole_adasid.model.catalogue.collision_ranks`, independent of who encoded which shard.

Letters: N items of all shards, R records of a bucket.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.io.buckets import BYTES_OF_A_RECORD, Buckets, array_on_disk, token_hashes
from recbole_adasid.tokenizer.bulk.sid_shards import read_assigned, write_assigned


@dataclass(frozen=True)
class Numbered:
    """Statistics of the Semantic IDs of all shards."""

    items: int
    distinct: int
    """Different codes."""
    largest: int
    """Size of the largest group of items with equal codes."""


def number_suffixes(paths: Sequence[Path], sizes: Sequence[int], *, memory: float, progress: bool = False) -> Numbered:
    """Assign every item its suffix; only files that change are written.

    Args:
        paths: the files, in suffix order.
        sizes: items per file.
        memory: bytes to work with; items are first sorted into bucket files, each of which fits.
        progress: show a bar.

    Raises:
        ValueError: if an item appears twice or a file is damaged.
        CannotWrite: if the disk is full or not writable.
    """
    starts = np.r_[0, np.cumsum(sizes)]
    total = int(starts[-1])
    n_buckets = 1 + int(total * BYTES_OF_A_RECORD / memory)
    with tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=".suffixes-") as folder:
        codes, names = _sorted_out(paths, starts, Path(folder), n_buckets, progress)
        _refuse_repetitions(names, paths, starts)
        suffix, distinct = array_on_disk(Path(folder) / "suffix", total, "u4"), 0
        for records in codes.take():
            levels = [name for name in codes.type.names or () if name != "place"]
            table = pd.DataFrame({name: records[name] for name in levels})
            rank = table.groupby(levels, sort=False).cumcount().to_numpy()
            suffix[records["place"]] = rank
            distinct += int((rank == 0).sum())
        for path, start, stop in zip(paths, starts[:-1], starts[1:]):
            assigned = read_assigned(path)
            if assigned.suffix is None or not np.array_equal(assigned.suffix, suffix[start:stop]):
                write_assigned(path, replace(assigned, suffix=np.array(suffix[start:stop])))
        return Numbered(total, distinct, int(suffix.max(initial=0)) + 1)


def _sorted_out(
    paths: Sequence[Path], starts: NDArray[np.int64], folder: Path, n_buckets: int, progress: bool
) -> tuple[Buckets, Buckets]:
    """Sort all items into buckets: by their codes, and by a 128-bit hash of their tokens."""
    names = Buckets(folder / "names", n_buckets, [("hash", "u8"), ("check", "u8"), ("place", "i8")])
    codes: Buckets | None = None
    for path, start in zip(tqdm(paths, "suffixes", unit="shard", disable=not progress), starts.tolist()):
        assigned = read_assigned(path)
        place = np.arange(start, start + len(assigned.codes))
        hashed, check = token_hashes(assigned.tokens.to_numpy())
        names.add(hashed % np.uint64(n_buckets), hashed, check, place)
        columns = list(assigned.codes.T)
        codes = codes or Buckets(
            folder / "codes", n_buckets, [*((f"sid_{level}", "u2") for level in range(len(columns))), ("place", "i8")]
        )
        mixed = np.zeros(len(place), dtype=np.uint64)
        for column in columns:
            mixed = mixed * np.uint64(65_537) + column
        codes.add(mixed % np.uint64(n_buckets), *columns, place)
    assert codes is not None
    return codes, names


def _refuse_repetitions(names: Buckets, paths: Sequence[Path], starts: NDArray[np.int64]) -> None:
    for records in names.take():
        table = pd.DataFrame({name: records[name] for name in ("hash", "check")})
        again = table.duplicated().to_numpy()
        if again.any():
            second = int(np.flatnonzero(again)[0])
            same = (table["hash"] == table["hash"][second]) & (table["check"] == table["check"][second])
            first = int(np.flatnonzero(same)[0])
            (one, row), (other, _) = (_where(int(records["place"][place]), starts) for place in (first, second))
            token = read_assigned(paths[one]).tokens[row].as_py()
            raise ValueError(
                f"item {token!r} appears in {paths[one].name} and again in {paths[other].name}: remove one of them "
                "from the features and run the same command again"
            )


def _where(place: int, starts: NDArray[np.int64]) -> tuple[int, int]:
    """Return an item's shard and its row there."""
    shard = int(np.searchsorted(starts, place, side="right")) - 1
    return shard, place - int(starts[shard])
