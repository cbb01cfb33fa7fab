"""Which items have which of several modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.vectors import ItemFeatures, NoFeatures


def refuse_if_none_has_any(found: Sequence[ItemFeatures], items: Sequence[str]) -> None:
    """Check that one of the items, given by their tokens, has one of the modalities ``found``.

    Raises:
        NoFeatures: if none has.
    """
    if (some := have_any(found)) is None or some.any():
        return
    raise NoFeatures(
        f"none of {len(items)} items has a modality, first {items[0]!r}: add their features, correct their names, or "
        "leave them out."
    )


def have_any(found: Sequence[ItemFeatures]) -> NDArray[np.bool_] | None:
    """Return which items have at least one modality; None: all do."""
    told = [one.present for one in found if one.present is not None]
    return np.logical_or.reduce(told) if len(told) == len(found) else None


def complete(found: Sequence[ItemFeatures]) -> NDArray[np.bool_] | None:
    """Return which items have all required modalities and at least one; None: all do."""
    told = [(one.optional, one.present) for one in found if one.present is not None]
    if all(one.optional for one in found):
        present = np.logical_or.reduce([present for _, present in told])
    else:
        present = np.logical_and.reduce([present for optional, present in told if not optional], initial=True)
    return None if np.all(present) else present


def with_unusable(values: NDArray[np.float32], found: Sequence[ItemFeatures]) -> NDArray[np.float32]:
    """Return fused vectors [N, d], NaN for items with NaN in a modality, which a fusion may have turned into zeros."""
    unusable = np.logical_or.reduce([np.isnan(one.values).any(axis=1) for one in found])
    return np.where(unusable[:, None], np.float32(np.nan), values)
