"""Semantic IDs of catalogues larger than memory: features are read, encoded and dropped one block at a time.

Letters: N items, R rows of a block, d columns, L levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from recbole_adasid.features.vectors import LARGEST
from recbole_adasid.io.array_file import mapped_array
from recbole_adasid.tokenizer.base import ItemTokenizer

ROWS_AT_ONCE = 2048


def assign_semantic_ids(
    tokenizer: ItemTokenizer, features: str | Path, *, rows_at_once: int = ROWS_AT_ONCE, progress: bool = False
) -> NDArray[np.uint16]:
    """Return the Semantic IDs uint16 [N, L] of the ``features`` in an `.npy` file [N, d] of any float type.

    Memory holds the codes and one block of features, whatever N is. The result equals ``tokenizer.encode`` on all
    features in float32.

    Raises:
        ValueError: if the file is not a matrix of floats, a block has NaN or infinite values, or
            ``rows_at_once`` is below 1.
    """
    path = Path(features)
    if rows_at_once < 1:
        raise ValueError(f"rows_at_once is {rows_at_once}: pass 1 or more")
    n_items = check_features(path)
    with tqdm(total=n_items, desc="Semantic IDs", unit="item", unit_scale=True, disable=not progress) as bar:
        return encode_blocks(tokenizer, npy_blocks(path, rows_at_once), n_items, path, bar)


def encode_blocks(
    tokenizer: ItemTokenizer, blocks: Iterable[NDArray], n_items: int, source: Path | str, bar: tqdm | None = None
) -> NDArray[np.uint16]:
    """Return the Semantic IDs uint16 [N, L] of features given in blocks [R, d].

    Raises:
        ValueError: for a non-finite value, naming ``source`` and the row.
    """
    codes = np.empty((n_items, len(tokenizer.codebook_sizes)), dtype=np.uint16)
    start = 0
    for block in blocks:
        with np.errstate(over="ignore"):  # becomes infinite, which is refused
            plain = np.asarray(block, dtype=np.float32)  # torch knows neither long doubles nor other byte orders
        features = _usable(torch.from_numpy(plain), source, start)
        with torch.no_grad():
            codes[start : start + len(block)] = tokenizer.encode(features).numpy()
        start += len(block)
        if bar is not None:
            bar.update(len(block))
    return codes


def check_features(path: Path) -> int:
    """Return N of the float matrix [N, d] in an `.npy` file.

    Raises:
        ValueError: if it holds anything else, is damaged or is not an `.npy` file.
    """
    whole = mapped_array(path, saved_by="numpy.save(path, embedding)")
    if whole.ndim != 2 or not np.issubdtype(whole.dtype, np.floating):
        raise ValueError(
            f"{path} holds {whole.dtype} of shape {whole.shape}: save item features as floats, one row per item"
        )
    return len(whole)


def npy_blocks(path: Path, rows_at_once: int) -> Iterator[NDArray]:
    """Yield blocks [R, d] of an `.npy` file. Remapped for each block: pages read through one mapping stay resident."""
    for start in range(0, check_features(path), rows_at_once):
        yield np.load(path, mmap_mode="c", allow_pickle=False)[start : start + rows_at_once]


def _usable(block: Tensor, source: Path | str, first_row: int) -> Tensor:
    if block.numel() and not bool(block.abs().max() <= LARGEST):  # NaN is not below anything
        row, column = (~(block.abs() <= LARGEST)).nonzero()[0].tolist()
        raise ValueError(
            f"{source} has {float(block[row, column])} in row {first_row + row}, column {column}: features must be "
            f"finite, and at most {LARGEST:g} in size"
        )
    return block
