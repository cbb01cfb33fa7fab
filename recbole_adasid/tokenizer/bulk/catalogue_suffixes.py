"""Second pass of an assignment: numbers that tell items of equal codes apart, over all shards.

An item's suffix is how many items of equal codes stand before it, in the order of the shards' names and of their rows:
the rule of :func:`~recbole_adasid.model.catalogue.collision_ranks`, whoever encoded which shard.

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
    """What the Semantic IDs of all shards are like."""

    items: int
    distinct: int
    """Different codes."""
    largest: int
    """Items with the same codes, at most."""


def number_suffixes(paths: Sequence[Path], sizes: Sequence[int], *, memory: float, progress: bool = False) -> Numbered:
    """Give every item of some files its suffix; only files where it changes are written.

    Args:
        paths: of the files, in the order that decides.
        sizes: how many items each has.
        memory: bytes to work with; items are sorted into files in between, so that one at a time fits.
        progress: show a bar.

    Raises:
        ValueError: if an item stands twice, or a file is damaged.
        CannotWrite: if the disk takes no more.
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
    """Sort all items into buckets: by their codes, and by a hash of 128 bits of their tokens."""
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
                f"the item {token!r} stands in {paths[one].name} and again in {paths[other].name}: keep it in one "
                "place of the features, and run the same command again"
            )


def _where(place: int, starts: NDArray[np.int64]) -> tuple[int, int]:
    """Return the shard of an item, and its row there."""
    shard = int(np.searchsorted(starts, place, side="right")) - 1
    return shard, place - int(starts[shard])
