"""Fusing several vectors per item into one: text with images, or title with categories.

Letters: N items, M modalities, d width.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.preparation import NO_VARIANCE, Preparation, Prepared
from recbole_adasid.features.stand_in_vectors import anchors_of, filled
from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.io.tensor_file import below
from recbole_adasid.settings.errors import check_name

logger = logging.getLogger(__name__)

Weighted = Sequence[tuple[NDArray[np.float64], NDArray[np.bool_], float]]
"""Per modality: the vectors [N, d], which items have one [N], and the weight."""
Fitted = Mapping[str, NDArray[Any]]
"""Fitted arrays by name: a modality's under its index, and those of the fusion itself."""
Fused = tuple[NDArray[np.float64], Fitted]


def fuse(
    modalities: Sequence[ItemFeatures],
    weights: Sequence[float],
    *,
    fusion: str,
    width: int | None = None,
    unit_length: bool = True,
    widths: Sequence[int | None] | None = None,
    balanced: bool = False,
    fitted: Fitted | None = None,
) -> tuple[NDArray[np.float32], Fitted, list[int]]:
    """Return one vector per item [N, d'] from M modalities, each [N, d].

    Also returns what is needed to fuse the vectors of further items (empty if it was passed in), and the number of
    input columns of each modality.

    If an item lacks an optional modality, the vectors of the items nearest by the other modalities are used, see
    :mod:`~recbole_adasid.features.stand_in_vectors`.

    Args:
        modalities: the vectors, and which items have one.
        weights: one per modality, above 0.
        fusion: ``concatenate``: concatenated, times the weight, 0 where missing; ``mean``: weighted over those an
            item has; ``pca``: the concatenation's `width` directions of greatest variance; ``whitening``: the same,
            scaled to variance 1.
        width: for ``pca`` and ``whitening``; None keeps all directions.
        unit_length: normalise each modality's vectors to length 1 first.
        widths: principal columns kept of each modality, or None for all, untransformed.
        balanced: centre each modality and scale it to total variance d / M before weighting, d columns in all.
        fitted: state from other items, to map these into the same space; None fits it on these.

    Raises:
        ValueError: for an unknown fusion, or modalities of different widths under ``mean``.
    """
    check_name("fusion", fusion, FUSIONS)
    known = [None if fitted is None else below(str(place), fitted) for place in range(len(modalities))]
    prepared = [
        Preparation(unit_length, kept, balanced)(one, own)
        for one, kept, own in zip(modalities, widths or [None] * len(modalities), known)
    ]
    learnt = {f"{place}/{name}": array for place, one in enumerate(prepared) for name, array in one.learnt.items()}
    columns = [one.values.shape[1] for one in prepared]
    prepared, anchors = _completed(modalities, prepared, known)
    scale = (sum(columns) / len(columns)) ** 0.5 if balanced else 1.0
    weighted = [(one.values, one.present, scale * weight) for one, weight in zip(prepared, weights)]
    values, of_fusion = FUSIONS[fusion](weighted, width, fitted)
    return np.ascontiguousarray(values, dtype=np.float32), {**learnt, **anchors, **of_fusion}, columns


def _completed(
    modalities: Sequence[ItemFeatures], prepared: Sequence[Prepared], fitted: Sequence[Fitted | None]
) -> tuple[list[Prepared], Fitted]:
    """Return the modalities with missing optional ones filled in, and the state fitted for that."""
    required = [one.values for one, features in zip(prepared, modalities) if not features.optional]
    known = np.concatenate([np.empty((len(prepared[0].values), 0)), *required], axis=1)
    completed, learnt = [], dict[str, NDArray[Any]]()
    for place, (one, features, own) in enumerate(zip(prepared, modalities, fitted)):
        if features.optional:
            anchors = anchors_of(one, known) if own is None else below("anchors", own)
            if own is None:
                learnt |= {f"{place}/anchors/{name}": array for name, array in anchors.items()}
            one = one._replace(values=filled(one, known, anchors), present=np.ones_like(one.present))
        completed.append(one)
    return completed, learnt


def _concatenate(modalities: Weighted, width: int | None = None, fitted: Fitted | None = None) -> Fused:
    return np.concatenate([weight * values for values, _, weight in modalities], axis=1), {}


def _mean(modalities: Weighted, width: int | None = None, fitted: Fitted | None = None) -> Fused:
    widths = [values.shape[1] for values, _, _ in modalities]
    if len(set(widths)) > 1:
        raise ValueError(f"fusion=mean needs modalities of equal width, got {widths}: choose another fusion.")
    total = np.sum([weight * present for _, present, weight in modalities], axis=0)[:, None]
    summed = np.sum([weight * values for values, _, weight in modalities], axis=0)
    return np.divide(summed, total, out=np.zeros_like(summed), where=total > 0), {}


def _pca(modalities: Weighted, width: int | None, fitted: Fitted | None = None) -> Fused:
    values, _ = _concatenate(modalities)
    if fitted is not None:
        mean, directions = (_learnt(fitted, name) for name in ("mean", "directions"))
        if mean.shape != values.shape[1:] or directions.shape[1:] != values.shape[1:]:
            raise ValueError(
                f"the saved fusion has a mean {list(mean.shape)} and directions {list(directions.shape)} for "
                f"{values.shape[1]} columns: {_REMEDY}"
            )
        return (values - mean) @ directions.T, {}
    from sklearn.decomposition import PCA

    wanted = min(width or values.shape[1], *values.shape)
    pca = PCA(n_components=wanted, svd_solver="full")
    found = pca.fit_transform(values)
    variance = found.var(axis=0)
    kept = max(1, int((variance > NO_VARIANCE * variance[0]).sum()))
    if width is not None and kept < width:
        logger.warning("fusion_width=%d exceeds the number of directions in which items differ: using %d", width, kept)
    return found[:, :kept], {"mean": pca.mean_, "directions": pca.components_[:kept]}


def _whitening(modalities: Weighted, width: int | None, fitted: Fitted | None = None) -> Fused:
    values, learnt = _pca(modalities, width, fitted)
    deviation = values.std(axis=0) if fitted is None else _learnt(fitted, "deviation")
    if deviation.shape != values.shape[1:]:
        raise ValueError(f"the saved fusion has {deviation.shape} deviations for {values.shape[1]} columns: {_REMEDY}")
    white = np.divide(values, deviation, out=np.zeros_like(values), where=deviation > 0)
    return white, {**learnt, "deviation": deviation} if fitted is None else {}


def _learnt(fitted: Fitted, name: str) -> NDArray[np.float64]:
    """Return a fitted array, which comes from a file."""
    if name not in fitted or not np.isfinite(fitted[name]).all():
        raise ValueError(f"the saved fusion has no {name}, or non-finite values in it: {_REMEDY}")
    return np.asarray(fitted[name], dtype=np.float64)


_REMEDY = "restore the run's features.safetensors"


FUSIONS: dict[str, Callable[[Weighted, int | None, Fitted | None], Fused]] = {
    "concatenate": _concatenate,
    "mean": _mean,
    "pca": _pca,
    "whitening": _whitening,
}
REDUCING = ("pca", "whitening")
"""Fusions that take long to compute."""
