"""Records on disk instead of arrays: sorted into files, one of which fits in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recbole_adasid.io.atomic import writing

BYTES_OF_A_RECORD = 160
"""Approximate memory per record while a file's records are sorted."""
_KEYS = ("recbole_adasid_0", "recbole_adasid_1")


class Buckets:
    """Records of one type in numbered files.

    Args:
        path: the files' common path, to which a number is appended; the folder must exist.
        number: how many files.
        fields: of a record's structured type.
    """

    def __init__(self, path: Path, number: int, fields: list[tuple[str, str]]) -> None:
        self.paths = [path.with_name(f"{path.name}.{place}") for place in range(number)]
        self.type = np.dtype(fields)

    def add(self, bucket: NDArray[np.integer], *columns: NDArray) -> None:
        """Append records [R], given by their fields, to the files numbered ``bucket`` [R]."""
        # 16-bit numbers are radix-sorted, several times as fast as larger ones.
        order = np.argsort(bucket.astype(np.uint16) if len(self.paths) < 2**16 else bucket, kind="stable")
        records = np.empty(len(order), dtype=self.type)
        for name, column in zip(self.type.names or (), columns):
            records[name] = column[order]
        numbers, starts = np.unique(bucket[order], return_index=True)
        for number, some in zip(numbers.tolist(), np.split(records, starts[1:])):
            with self.paths[number].open("ab") as file:
                file.write(some.tobytes())

    def take(self) -> Iterator[NDArray[Any]]:
        """Yield the records of one file after another, in insertion order, and remove it."""
        for path in self.paths:
            if not path.is_file():
                yield np.empty(0, dtype=self.type)
                continue
            yield np.fromfile(path, dtype=self.type)
            path.unlink()


def token_hashes(tokens: NDArray[np.object_]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return two 64-bit hashes of each token [R]: tokens are equal if both hashes are."""
    first, second = (pd.util.hash_array(tokens, hash_key=key, categorize=False) for key in _KEYS)
    return first, second


def array_on_disk(path: Path, length: int, kind: str) -> NDArray[Any]:
    """Return a zero array in a file; an empty one, which cannot be mapped, in memory.

    Raises:
        CannotWrite: if the disk has no room for it.
    """
    if not length:
        return np.empty(0, dtype=kind)
    with writing(path, "free disk space, or use another temporary folder"), path.open("wb+") as file:
        n_bytes = length * np.dtype(kind).itemsize
        file.truncate(n_bytes)
        if hasattr(os, "posix_fallocate"):  # a mapping that runs out of disk later would kill the process
            os.posix_fallocate(file.fileno(), 0, n_bytes)
    return np.memmap(path, dtype=kind, mode="r+", shape=(length,))


def mapped(path: Path, kind: str | np.dtype) -> NDArray[Any]:
    """Return the array in a file, read-only: a plain one, with faster row access than a `memmap`."""
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.empty(0, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode="r"))


def stretches(length: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices of ``size`` rows."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
