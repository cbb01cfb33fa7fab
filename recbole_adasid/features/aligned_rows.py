"""Reordering the rows of a matrix as float32, in memory at most once.

Letters: N requested rows, R available rows, d columns.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.buckets import stretches

BLOCK_ROWS = 16_384
"""Consecutive rows small enough to copy."""


def aligned_rows(embedding: NDArray, rows: NDArray[np.int64], folder: Path | None = None) -> NDArray[np.float32]:
    """Return the ``rows`` [N] of ``embedding`` [R, d], float32 [N, d] and C-contiguous; a row of −1 is zero.

    Args:
        embedding: floats of any width, read one block at a time; may be memory-mapped.
        rows: row numbers into it.
        folder: back the result with an unnamed file there that disappears with the process; its pages stay in memory
            as long as the system has room for them. None: in memory.

    Raises:
        CannotWrite: if the disk is full or not writable.
    """
    shape = (len(rows), embedding.shape[1])
    if folder is None or 0 in shape:
        values = np.empty(shape, dtype=np.float32)
        for part in stretches(len(rows), BLOCK_ROWS):
            values[part] = _block(embedding, rows[part])
        return values
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in stretches(len(rows), BLOCK_ROWS):
                file.write(_block(embedding, rows[part]).tobytes())
            file.flush()
            return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {4 * shape[0] * shape[1] / 2**30:.1f} GiB of features into {folder} "
            f"({error.strerror or error}): free disk space, choose another cache_dir, or set item_features_mapped=false"
        ) from error


def _block(embedding: NDArray, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which is reported later
        block = embedding[rows].astype(np.float32)
    block[rows < 0] = 0
    return block
