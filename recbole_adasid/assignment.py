"""Semantic IDs of catalogues that do not fit in memory: features are read, encoded and dropped a block at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from recbole_adasid.tokenizer.base import ItemTokenizer

ROWS_AT_ONCE = 2048


def assign_semantic_ids(
    tokenizer: ItemTokenizer, features: str | Path, *, rows_at_once: int = ROWS_AT_ONCE, progress: bool = False
) -> NDArray[np.uint16]:
    """Return the Semantic IDs uint16 [N, L] of the ``features`` in an `.npy` file, float of any width, [N, d].

    Memory holds the codes and one block of features, whatever N is. The result equals that of
    ``tokenizer.encode`` on all features in float32.

    Raises:
        ValueError: if the file holds anything but a matrix of floats, a block has NaN or infinite values, or
            ``rows_at_once`` is below 1.
    """
    path = Path(features)
    if rows_at_once < 1:
        raise ValueError(f"rows_at_once is {rows_at_once}: pass 1 or more")
    whole = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(whole, np.ndarray):
        raise ValueError(f"{path} is a zip archive, not an .npy: save the features alone, by numpy.save")
    if whole.ndim != 2 or not np.issubdtype(whole.dtype, np.floating):
        raise ValueError(
            f"{path} holds {whole.dtype} of shape {whole.shape}: item features are floats, one row an item"
        )
    n_items = len(whole)
    codes = np.empty((n_items, len(tokenizer.codebook_sizes)), dtype=np.uint16)
    bar = tqdm(total=n_items, desc="Semantic IDs", unit="item", unit_scale=True, disable=not progress)
    for start in range(0, n_items, rows_at_once):
        block = _read(path, slice(start, start + rows_at_once))
        codes[start : start + len(block)] = tokenizer.encode(block).numpy()
        bar.update(len(block))
    bar.close()
    return codes


def _read(path: Path, rows: slice) -> torch.Tensor:
    """Return a block of features in float32. Mapped anew each time: pages read through one mapping stay resident."""
    block = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False)[rows]).float()
    if not torch.isfinite(block.sum()):  # one pass; what is not finite makes the sum so
        wrong = (~torch.isfinite(block)).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise ValueError(
                f"{path} has {float(block[row, column])} in row {rows.start + row}, column {column}: "
                "features must be finite"
            )
    return block
