"""Preparing a modality's vectors for fusion: length, principal columns and scale.

Letters: N items, n items with the modality, d width.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.pairs.item2vec import of_unit_length

logger = logging.getLogger(__name__)

NO_VARIANCE = 1e-10
"""Directions with less than this share of the first one's variance are float32 rounding errors."""
Learnt = Mapping[str, NDArray[np.float64]]
"""State fitted on the items, by name, to map others into the same space."""


class Prepared(NamedTuple):
    """Vectors of a modality."""

    values: NDArray[np.float64]
    """[N, d], 0 where missing."""
    present: NDArray[np.bool_]
    """[N], which items have one."""
    learnt: Learnt
    """Empty if it was passed in."""


@dataclass(frozen=True)
class Preparation:
    """Steps applied to a modality's vectors, in this order.

    Attributes:
        unit_length: normalise each to length 1.
        width: centre them and keep this many principal columns; None: all columns, untransformed.
        balanced: centre them and scale their total variance to 1. An item without a vector gets the mean.
    """

    unit_length: bool = True
    width: int | None = None
    balanced: bool = False

    def __call__(self, features: ItemFeatures, fitted: Learnt | None = None) -> Prepared:
        """Return the items' vectors; mean, directions and scale come from `fitted`, or are fitted on these if None."""
        present = np.ones(len(features.values), dtype=bool) if features.present is None else features.present
        values = np.where(present[:, None], features.values, 0).astype(np.float64)
        if self.unit_length:
            values = of_unit_length(values)
        if self.width is None and not self.balanced:
            return Prepared(values, present, {})
        learnt = self._learn(values[present]) if fitted is None else self._fitting(fitted, values.shape[1])
        values = np.where(present[:, None], values - learnt["mean"], 0)
        if self.width is not None:
            values = values @ learnt["directions"].T
        if self.balanced:
            values /= learnt["deviation"]
        return Prepared(values, present, learnt if fitted is None else {})

    def _fitting(self, fitted: Learnt, columns: int) -> Learnt:
        """Return what was learnt on other items, once it is known to fit vectors of so many columns.

        Raises:
            KeyError: if a part is missing.
            ValueError: if one has another shape, as in a file of another run.
        """
        fits = fitted["mean"].shape == (columns,)
        if self.width is not None:
            fits &= fitted["directions"].ndim == 2 and fitted["directions"].shape[1] == columns
        if self.balanced:
            fits &= fitted["deviation"].size == 1 and bool(fitted["deviation"] > 0)
        if not fits:
            raise ValueError(
                f"the fitted state of a modality does not fit its {columns} columns: restore the run's or bundle's "
                "features.safetensors"
            )
        return fitted

    def _learn(self, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the mean [d], the principal directions [width, d] and the root of the total variance of [n, d]."""
        mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
        learnt, centred = {"mean": mean}, values - mean
        if self.width is not None:
            learnt["directions"] = principal_directions(centred, self.width)
            centred = centred @ learnt["directions"].T
        if self.balanced:
            variance = np.square(centred).sum() / max(len(centred), 1)
            learnt["deviation"] = np.array(np.sqrt(variance) if variance > 0 else 1.0)
        return learnt


def principal_directions(centred: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the `width` directions of greatest variance of centred vectors [n, d], rows of length 1, best first.

    Directions in which the vectors do not differ are dropped. The largest entry of each is positive, so that all
    solvers agree.
    """
    variance, directions = np.linalg.eigh(centred.T @ centred)
    variance, directions = variance[::-1], directions.T[::-1]
    kept = max(1, min(width, int((variance > NO_VARIANCE * variance[0]).sum())))
    if kept < width:
        logger.warning(
            "A modality's width=%d exceeds the number of directions in which its items differ: using %d", width, kept
        )
    directions = directions[:kept]
    largest = np.abs(directions).argmax(axis=1)
    return np.ascontiguousarray(directions * np.sign(directions[np.arange(kept), largest])[:, None])
