"""Several vectors an item into one: text beside images, or title beside categories.

Letters: N items, M modalities, d width.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.features import ItemFeatures

logger = logging.getLogger(__name__)

# Directions of less variance than this share of the first are rounding errors of float32.
_NO_VARIANCE = 1e-10
Weighted = Sequence[tuple[NDArray[np.float64], NDArray[np.bool_], float]]
"""Of each modality the vectors [N, d], whether an item has one [N], and the weight."""
Fitted = Mapping[str, NDArray[np.float64]]
"""What a fusion learns from the items: nothing, or the mean and the directions of their vectors."""
Fused = tuple[NDArray[np.float64], Fitted]


def fuse(
    modalities: Sequence[ItemFeatures],
    weights: Sequence[float],
    *,
    fusion: str,
    width: int | None = None,
    unit_length: bool = True,
    fitted: Fitted | None = None,
) -> tuple[NDArray[np.float32], Fitted]:
    """Return one vector an item [N, d'] from M modalities, each [N, d], and what was learnt from the items.

    Args:
        modalities: the vectors, and which items have one.
        weights: one a modality, above 0.
        fusion: ``concatenate``: side by side, times the weight, 0 where missing; ``mean``: weighted over those an
            item has; ``pca``: the concatenation's `width` directions of greatest variance; ``whitening``: the same,
            each of variance 1.
        width: of ``pca`` and ``whitening``; None keeps all directions.
        unit_length: bring each modality's vectors to length 1 first.
        fitted: what was learnt from other items, to put these into the same space; None learns it from these.

    Raises:
        ValueError: for an unknown fusion, or modalities of several widths under ``mean``.
    """
    if fusion not in FUSIONS:
        raise ValueError(f"fusion {fusion!r} is unknown; valid: {', '.join(FUSIONS)}.")
    weighted = [(*_prepared(one, unit_length), weight) for one, weight in zip(modalities, weights)]
    values, learnt = FUSIONS[fusion](weighted, width, fitted)
    return np.ascontiguousarray(values, dtype=np.float32), learnt


def _prepared(features: ItemFeatures, unit_length: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the vectors [N, d], 0 where missing, and which are there [N]."""
    present = np.ones(len(features.values), dtype=bool) if features.present is None else features.present
    values = np.where(present[:, None], features.values, 0).astype(np.float64)
    if unit_length:
        length = np.linalg.norm(values, axis=1, keepdims=True)
        values = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    return values, present


def _concatenate(modalities: Weighted, width: int | None = None, fitted: Fitted | None = None) -> Fused:
    return np.concatenate([weight * values for values, _, weight in modalities], axis=1), {}


def _mean(modalities: Weighted, width: int | None = None, fitted: Fitted | None = None) -> Fused:
    widths = [values.shape[1] for values, _, _ in modalities]
    if len(set(widths)) > 1:
        raise ValueError(f"fusion=mean needs modalities of one width, these have {widths}: choose another fusion.")
    total = np.sum([weight * present for _, present, weight in modalities], axis=0)[:, None]
    summed = np.sum([weight * values for values, _, weight in modalities], axis=0)
    return np.divide(summed, total, out=np.zeros_like(summed), where=total > 0), {}


def _pca(modalities: Weighted, width: int | None, fitted: Fitted | None = None) -> Fused:
    values, _ = _concatenate(modalities)
    if fitted is not None:
        mean, directions = (_learnt(fitted, name) for name in ("mean", "directions"))
        if mean.shape != values.shape[1:] or directions.shape[1:] != values.shape[1:]:
            raise ValueError(
                f"the fusion learnt a mean {list(mean.shape)} and directions {list(directions.shape)} for "
                f"{values.shape[1]} columns: {_REMEDY}"
            )
        return (values - mean) @ directions.T, {}
    from sklearn.decomposition import PCA

    wanted = min(width or values.shape[1], *values.shape)
    pca = PCA(n_components=wanted, svd_solver="full")
    found = pca.fit_transform(values)
    variance = found.var(axis=0)
    kept = max(1, int((variance > _NO_VARIANCE * variance[0]).sum()))
    if width is not None and kept < width:
        logger.warning("fusion_width=%d is more than the directions in which items differ: using %d", width, kept)
    return found[:, :kept], {"mean": pca.mean_, "directions": pca.components_[:kept]}


def _whitening(modalities: Weighted, width: int | None, fitted: Fitted | None = None) -> Fused:
    values, learnt = _pca(modalities, width, fitted)
    deviation = values.std(axis=0) if fitted is None else _learnt(fitted, "deviation")
    if deviation.shape != values.shape[1:]:
        raise ValueError(f"the fusion learnt {deviation.shape} deviations of {values.shape[1]} columns: {_REMEDY}")
    white = np.divide(values, deviation, out=np.zeros_like(values), where=deviation > 0)
    return white, {**learnt, "deviation": deviation} if fitted is None else {}


def _learnt(fitted: Fitted, name: str) -> NDArray[np.float64]:
    """Return what was learnt from other items, which comes out of a file."""
    if name not in fitted or not np.isfinite(fitted[name]).all():
        raise ValueError(f"what the fusion learnt has no {name}, or none of finite numbers: {_REMEDY}")
    return np.asarray(fitted[name], dtype=np.float64)


_REMEDY = "bring back the run's features.safetensors"


FUSIONS: dict[str, Callable[[Weighted, int | None, Fitted | None], Fused]] = {
    "concatenate": _concatenate,
    "mean": _mean,
    "pca": _pca,
    "whitening": _whitening,
}
REDUCING = ("pca", "whitening")
"""Those whose result takes long to compute."""
