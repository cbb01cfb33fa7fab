"""Item features: one vector per item, aligned by item token and checked before use.

Letters: N items, d width, R rows of a file.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.aligned_rows import BLOCK_ROWS, aligned_rows
from recbole_adasid.io.array_file import as_tokens, load_arrays, mapped_array
from recbole_adasid.io.buckets import stretches

logger = logging.getLogger(__name__)

LARGEST = 1e12
"""Upper limit of values, so that sums of squares over a catalogue stay far within float32."""
# Columns that vary by no more than this are constant when features are scaled.
_ALIKE = 1e-6
_SAVED_BY = {".npz": "numpy.savez(path, item_id=…, embedding=…)", ".npy": "numpy.save(path, embedding)"}


class NoFeatures(ValueError):
    """Items lack features: an item that must have some, or all of them."""


@dataclass(frozen=True)
class ItemFeatures:
    """The vectors that the tokenizer sees, and everything that determined them.

    Attributes:
        values: [N, d] float32, C-contiguous; row r belongs to the item with RecBole's internal id r + 1.
        source: plain values (str, int, list …) for a fingerprint: two equal sources mean equal features.
        present: [N], whether an item has a source for its vector; other vectors carry no information. None: all have.
        some: [N], of fused features, whether an item has any of the modalities. None: all have.
        blocks: for fused features, the width and weight of each modality's columns, in order.
        fitted: state fitted on these items, by name, needed to make the vectors of others.
        optional: whether items may lack this modality by nature, as new ones have no users: others' vectors are used.
    """

    values: NDArray[np.float32]
    source: dict[str, Any]
    present: NDArray[np.bool_] | None = None
    some: NDArray[np.bool_] | None = None
    blocks: list[tuple[int, float]] | None = None
    fitted: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    optional: bool = False


def load_feature_file(
    path: str | Path,
    item_tokens: Sequence[str],
    *,
    allow_missing: bool = False,
    all_missing: bool = False,
    checked: bool = True,
    mapped_in: Path | None = None,
) -> ItemFeatures:
    """Load the vectors of `item_tokens` from a file, in their order; other items in the file are ignored.

    With `allow_missing`, items missing from the file get the zero vector and are counted in the log; with `all_missing`
    as well, these may be all items, such as the few held out of training. Without `checked`, a vector with a value that
    is NaN, infinite or huge becomes NaN instead of an error. With `mapped_in`, the vectors are backed by a file in that
    folder, see :func:`~recbole_adasid.features.aligned_rows.aligned_rows`.

    A `.npz` holds `item_id` [R] and `embedding` [R, d]. A `.npy` holds the embedding alone; its rows are named by
    `NAME.items.txt` next to it, one token per line. Any NumPy float type is accepted.

    Raises:
        FileNotFoundError: if there is no such file.
        NoFeatures: if an item is missing that must not be.
        ValueError: if the file is damaged, an item is named twice, a value is NaN, infinite or huge, the type is not a
            float, or the shapes do not match.
    """
    path = Path(path)
    missing = {"allow_missing": allow_missing, "all_missing": all_missing}
    values, present = read_vectors(path, item_tokens, **missing, mapped_in=mapped_in)
    if checked:
        check_values(path, values, item_tokens)
    else:
        values[~usable(values)] = np.nan
    report_degenerate(values, item_tokens)
    source = {"kind": "file", **describe_values(values)}
    return with_missing(values, source, present, f"vector in {path}")


def read_vectors(
    path: Path,
    item_tokens: Sequence[str],
    *,
    allow_missing: bool = False,
    all_missing: bool = False,
    mapped_in: Path | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the vectors [N, d] as stored, finite or not, 0 where missing, and which items are present [N].

    Arguments and errors are those of :func:`load_feature_file`, which also checks the values.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no feature file {path}: correct item_features_file or unset it.")
    tokens, embedding = _read(path)
    _check_shape(path, tokens, embedding)
    rows = _align(path, tokens, item_tokens, allow_missing, all_missing)
    return aligned_rows(embedding, rows, mapped_in), rows >= 0


def with_missing(
    values: NDArray[np.float32], source: dict[str, Any], present: NDArray[np.bool_], what: str
) -> ItemFeatures:
    """Return features some of which are missing; the log counts them, and the source records which."""
    if present.all():
        return ItemFeatures(values=values, source=source)
    logger.warning("%d of %d items have no %s: their vectors count as missing", (~present).sum(), len(present), what)
    missing = hashlib.sha256(np.packbits(present).tobytes()).hexdigest()
    return ItemFeatures(values=values, source={**source, "missing": missing}, present=present)


def report_degenerate(values: NDArray[np.float32], item_tokens: Sequence[str]) -> None:
    """Warn of vectors [N, d] that carry no information: items without any, and items that are all alike."""
    empty = np.flatnonzero(~values.any(axis=1))
    if len(empty):
        logger.warning(
            "%d of %d items have a zero vector, first '%s': they cannot be told apart.",
            *(len(empty), len(values), item_tokens[int(empty[0])]),
        )
    if len(values) > 1 and np.ptp(values, axis=0).max() <= _ALIKE:
        logger.warning(
            "The vectors of all %d items are equal: their Semantic IDs cannot differ by content.", len(values)
        )


def describe_values(values: NDArray[np.float32]) -> dict[str, object]:
    """Return the shape and content hash of an array [N, d] as plain values for a fingerprint."""
    digest = hashlib.sha256(np.ascontiguousarray(values).view(np.uint8).data).hexdigest()
    return {"shape": list(values.shape), "dtype": str(values.dtype), "sha256": digest}


def _read(path: Path) -> tuple[list[str], NDArray]:
    """Return the file's item tokens [R] and its embedding [R, d], without unpickling anything."""
    if path.suffix not in _SAVED_BY:
        raise ValueError(f"{path}: features must be .npz or .npy, not '{path.suffix}': convert the file.")
    saved_by = _SAVED_BY[path.suffix]
    if path.suffix == ".npy":
        return tokens_beside(path), mapped_array(path, saved_by=saved_by)
    arrays = load_arrays(path, ("item_id", "embedding"), saved_by=saved_by)
    return as_tokens(path, "item_id", arrays["item_id"]), arrays["embedding"]


def tokens_beside(path: Path) -> list[str]:
    """Return the item tokens in `NAME.items.txt` next to NAME.npy.

    Raises:
        ValueError: if there is no such file, or it is not UTF-8.
    """
    listing = path.with_suffix(".items.txt")
    if not listing.is_file():
        raise ValueError(f"{path} does not say which row is which item: put one token per line in {listing.name}.")
    try:
        text = listing.read_text(encoding="utf-8-sig").rstrip("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{listing} is not UTF-8 ({error.reason}): save it as UTF-8.") from error
    return text.split("\n") if text else []  # many writers leave parts without rows


def _check_shape(path: Path, tokens: Sequence[str], embedding: NDArray) -> None:
    if embedding.dtype.kind != "f":
        raise ValueError(f"{path}: the embedding has type {embedding.dtype}: save float16, float32 or float64.")
    if embedding.ndim != 2 or len(embedding) != len(tokens):
        raise ValueError(
            f"{path}: the embedding has shape {embedding.shape} for {len(tokens)} item names: "
            "it needs one row per item."
        )
    if not embedding.shape[1]:
        raise ValueError(f"{path}: the embedding has shape {embedding.shape}: it needs at least one column.")


def usable(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which vectors [N, d] have only finite values up to `LARGEST`."""
    return (np.abs(values) <= LARGEST).all(axis=1)  # NaN compares false


def check_values(path: Path, values: NDArray[np.float32], item_tokens: Sequence[str]) -> None:
    """Reject unusable values [N, d] of a file.

    Raises:
        ValueError: if one is NaN, infinite or beyond `LARGEST`, naming the first item.
    """
    not_finite, too_large = [], []
    for part in stretches(len(values), BLOCK_ROWS):
        not_finite.append(~np.isfinite(values[part]).all(axis=1))
        too_large.append((np.abs(values[part]) > LARGEST).any(axis=1))
    for bad, what, remedy in (
        (not_finite, "NaN or infinite (as float32)", "fix or drop them"),
        (too_large, f"beyond {LARGEST:g}, too large to square in float32", "divide all by a constant"),
    ):
        rows = np.flatnonzero(np.concatenate([*bad, np.empty(0, dtype=bool)]))
        if len(rows):
            raise ValueError(
                f"{path}: the vector of item '{item_tokens[int(rows[0])]}' and {len(rows) - 1} more are {what}: "
                f"{remedy}."
            )


def _align(
    path: Path, tokens: Sequence[str], item_tokens: Sequence[str], allow_missing: bool, all_missing: bool
) -> NDArray[np.int64]:
    """Return each wanted item's row in the file [N], or −1."""
    row_of = {token: row for row, token in enumerate(tokens)}
    if len(row_of) < len(tokens):
        twice = next(token for row, token in enumerate(tokens) if row_of[token] != row)
        raise ValueError(f"{path} names item '{twice}' more than once: keep one row per item.")
    missing = [token for token in item_tokens if token not in row_of]
    if missing and not (allow_missing and (all_missing or len(missing) < len(item_tokens))):
        remedy = "filter the items out" if allow_missing else "filter the items out, or set missing_modality=allow"
        raise NoFeatures(
            f"{path} has no vector for {len(missing)} of {len(item_tokens)} items, first "
            f"{', '.join(repr(token) for token in missing[:5])}: add them, {remedy}."
        )
    if idle := len(tokens) - len(item_tokens) + len(missing):
        logger.info("%s: %d items are not in the dataset and are ignored", path, idle)
    return np.array([row_of.get(token, -1) for token in item_tokens], dtype=np.int64)
