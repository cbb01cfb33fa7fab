"""Which items have which of several modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.vectors import ItemFeatures


def refuse_if_none_has_any(found: Sequence[ItemFeatures], items: Sequence[str]) -> None:
    """Check that one of the items, given by their tokens, has one of the modalities ``found``.

    Raises:
        ValueError: if none has.
    """
    if any(one.present is None or one.present.any() for one in found):
        return
    raise ValueError(
        f"none of {len(items)} items has a modality, first {items[0]!r}: add their features, correct their names, or "
        "leave them out."
    )


def complete(found: Sequence[ItemFeatures]) -> NDArray[np.bool_] | None:
    """Return which items have all required modalities and at least one; None: all do."""
    told = [(one.optional, one.present) for one in found if one.present is not None]
    if all(one.optional for one in found):
        present = np.logical_or.reduce([present for _, present in told])
    else:
        present = np.logical_and.reduce([present for optional, present in told if not optional], initial=True)
    return None if np.all(present) else present
