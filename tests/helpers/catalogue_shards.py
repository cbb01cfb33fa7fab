"""A catalogue in shards, and what its assigned Semantic IDs have to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from recbole_adasid.model.catalogue import collision_ranks
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.feature_shards import shard_paths
from recbole_adasid.tokenizer.bulk.sid_shards import read_assigned

SIZES = [40, 1, 77, 33]
WIDTH = 6


def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(sum(SIZES), WIDTH)).astype(np.float16)


def tokens() -> list[str]:
    return [f"i{number}" for number in range(sum(SIZES))]


def write_shards(folder: Path) -> list[Path]:
    """Write the catalogue in four shards, two of each kind."""
    import pyarrow
    from pyarrow import parquet

    folder.mkdir()
    for number, start in enumerate(np.r_[0, np.cumsum(SIZES)][:-1]):
        rows = slice(start, start + SIZES[number])
        if number % 2:
            np.save(folder / f"part-{number}.npy", vectors()[rows])
            (folder / f"part-{number}.items.txt").write_text("\n".join(tokens()[rows]) + "\n", encoding="utf-8")
        else:
            columns = {"item_id": tokens()[rows], "embedding": list(vectors()[rows])}
            parquet.write_table(pyarrow.table(columns), folder / f"part-{number}.parquet")
    return shard_paths(folder)


def assigned(out: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    found = [read_assigned(path) for path in sorted(out.glob("*.parquet"))]
    names = [name for one in found for name in one.tokens.to_pylist()]
    return names, np.concatenate([one.codes for one in found]), np.concatenate([one.suffix for one in found])


def assert_right(out: Path, tokenizer: ItemTokenizer) -> None:
    names, codes, suffix = assigned(out)
    expected = tokenizer.encode(torch.from_numpy(vectors()).float())
    assert names == tokens() and np.array_equal(codes, expected.numpy())
    assert np.array_equal(suffix, collision_ranks(expected).numpy()) and suffix.max() > 2
