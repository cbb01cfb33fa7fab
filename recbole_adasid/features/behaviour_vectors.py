"""Item vectors from usage: computed from training interactions only, to complement the items' contents.

Letters: I interactions, N items, R rows of a file, d width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbole_adasid.features.vectors import check_values, read_vectors
from recbole_adasid.io.array_file import load_arrays, write_arrays
from recbole_adasid.pairs.cooccurrence import cooccurrence_counts
from recbole_adasid.pairs.item2vec import left_factor, shifted_information

VECTORS_FILE = "item_vectors.npz"
"""Name of the item-vector file in a model's folder."""
_SAVED_BY = "numpy.savez(path, item_id=…, embedding=…, training_interactions=…)"


class LearntVectors(NamedTuple):
    """Item vectors that a model learnt from interactions."""

    values: NDArray[np.float32]
    """[N, d], 0 for items that the file lacks."""
    present: NDArray[np.bool_]
    """[N], which items are in the file."""
    training_interactions: str | None
    """Digest of the interactions they were learnt from; None: not recorded."""
    learnt_by: str | None
    """The model that learnt them; None: not recorded."""


def cooccurrence_vectors(
    users: ArrayLike,
    items: ArrayLike,
    n_items: int,
    *,
    width: int,
    negatives: int,
    window: int | None = None,
    max_user_items: int | None = 1000,
) -> NDArray[np.float32]:
    """Return item vectors [N, d]: U √Σ of the truncated SVD of shifted, positive PMI; 0 for items without any.

    Pass *training* interactions only, each user's in chronological order. The result has fewer than `width` columns if
    the rank is lower. See :mod:`~recbole_adasid.pairs.item2vec` for the source.

    Args:
        users: [I].
        items: item rows 0 … N−1, [I].
        n_items: N.
        width: d.
        negatives: k, the shift is log k.
        window: see :func:`~recbole_adasid.pairs.cooccurrence.cooccurrence_pairs`, as for `max_user_items`.

    Raises:
        ValueError: if no two items co-occur more often than chance, users and items differ in number, or an item row
            is outside 0 … N−1.
    """
    upper, _ = cooccurrence_counts(users, items, n_items, window=window, max_user_items=max_user_items)
    information = shifted_information((upper + upper.T).tocoo(), negatives)
    if not information.nnz:
        raise ValueError(
            "behaviour=cooccurrence: no two items co-occur more often than chance in the training interactions: "
            "lower behaviour_negatives, raise behaviour_window, or leave the modality out."
        )
    vectors = left_factor(information, width)
    size = np.abs(vectors).max(axis=0)
    return np.ascontiguousarray(vectors[:, size > _ROUNDING * size.max()], dtype=np.float32)


# Columns below this share of the largest are rounding errors.
_ROUNDING = 1e-7


def write_item_vectors(
    path: str | Path, item_tokens: Sequence[str], vectors: ArrayLike, *, training_interactions: str, learnt_by: str
) -> None:
    """Save item vectors learnt by a model, for a modality ``{behaviour: path}``.

    Args:
        path: an `.npz`; in a folder, name it `VECTORS_FILE` and the folder can be given instead.
        item_tokens: of the R items.
        vectors: floats [R, d].
        training_interactions: ``training_interactions().digest()`` of the model's training split.
        learnt_by: the model's name, such as ``SASRec``, informational.

    Raises:
        ValueError: if there is not one row per item.
        CannotWrite: if the disk is full or not writable.
    """
    values = np.asarray(vectors, dtype=np.float32)
    if values.ndim != 2 or len(values) != len(item_tokens):
        raise ValueError(
            f"item vectors have shape {list(values.shape)} for {len(item_tokens)} items: pass one row per item"
        )
    about = {"training_interactions": np.array(training_interactions), "learnt_by": np.array(learnt_by)}
    write_arrays(Path(path), {"item_id": np.array(list(item_tokens)), "embedding": values, **about})


def read_item_vectors(path: Path, item_tokens: Sequence[str]) -> LearntVectors:
    """Read item vectors from a file, or from `VECTORS_FILE` in a folder.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, has none of the items or one twice, or a value cannot be computed with.
    """
    if path.is_dir():
        path = path / VECTORS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file of item vectors {path}: name an .npz of item_id and embedding, a folder with "
            f"{VECTORS_FILE}, or 'cooccurrence'; a path starts from the dataset's folder."
        )
    if path.suffix != ".npz":
        raise ValueError(f"{path}: item vectors come as .npz, not as '{path.suffix}': save them by {_SAVED_BY}.")
    values, present = read_vectors(path, item_tokens, allow_missing=True)
    check_values(path, values, item_tokens)
    about = load_arrays(path, (), ("training_interactions", "learnt_by"), saved_by=_SAVED_BY)
    told = {name: str(value) if value.ndim == 0 else None for name, value in about.items()}
    return LearntVectors(values, present, told.get("training_interactions"), told.get("learnt_by"))
