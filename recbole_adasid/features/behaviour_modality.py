"""The modality derived from training interactions, as configured.

Items without training interactions have none: both held-out items and later ones.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.features.behaviour_vectors import cooccurrence_vectors, read_item_vectors
from recbole_adasid.features.item_source import ItemSource
from recbole_adasid.features.vectors import ItemFeatures, describe_values
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.settings.lookup import Settings

logger = logging.getLogger(__name__)

COOCCURRENCE = "cooccurrence"
"""The behaviour that is computed here; any other value is a file or folder of learnt vectors."""
KIND = "behaviour"
EDITION = 1
"""Raise it when the same settings and interactions give different vectors, to invalidate old caches."""
_SETTINGS = ("negatives", "window", "max_user_items")


def behaviour_features(config: Settings, dataset: ItemSource, cache: StageCache) -> ItemFeatures:
    """Return the vectors [N, d] of ``behaviour``: computed from co-occurrence in training, or learnt.

    Args:
        config: the modality's settings, and below them the run's.
        dataset: provides the items and their training interactions.
        cache: stores what was computed.

    Raises:
        ValueError: if a file's vectors were learnt from other than the training interactions, or if the file or the
            interactions cannot be used.
    """
    if config["behaviour"] == COOCCURRENCE:
        found = _of_cooccurrence(config, dataset, cache)
    else:
        found = _of_file(dataset.dataset_path() / config["behaviour"], dataset)
    values, source = found.values, found.source
    present = np.ones(len(values), dtype=bool) if found.present is None else found.present
    if not present.all():
        logger.info(
            "%d of %d items have no behaviour of %s in training: vectors of similar items are used instead.",
            *((~present).sum(), len(present), config["behaviour"]),
        )
    return ItemFeatures(values, source, present, fitted={"width": np.array(values.shape[1])}, optional=True)


def without_behaviour(n_items: int, width: int) -> ItemFeatures:
    """Return the behaviour of items without training interactions: all missing."""
    present = np.zeros(n_items, dtype=bool)
    values = np.zeros((n_items, width), dtype=np.float32)
    return ItemFeatures(values, {"kind": KIND, "of": None}, present, optional=True)


def _of_cooccurrence(config: Settings, dataset: ItemSource, cache: StageCache) -> ItemFeatures:
    interactions, n_items = dataset.training_interactions(), len(dataset.item_tokens())
    settings = {name: config[f"behaviour_{name}"] for name in _SETTINGS}
    settings["width"] = config["width"] or config["behaviour_width"]
    source = {"kind": KIND, "of": COOCCURRENCE, "edition": EDITION, **settings, "n_items": n_items}
    source["training_interactions"] = interactions.digest()

    def compute() -> dict[str, NDArray[Any]]:
        return {"values": cooccurrence_vectors(*interactions.arrays(), n_items, **settings)}

    values = cache.arrays(KIND, source, compute)["values"]
    return ItemFeatures(values, source, values.any(axis=1))


def _of_file(path: Path, dataset: ItemSource) -> ItemFeatures:
    learnt, expected = read_item_vectors(path, dataset.item_tokens()), dataset.training_digest()
    if learnt.training_interactions is None:
        logger.warning(
            "%s does not say which interactions its vectors were learnt from: held-out ones may be among them.",
            path,
        )
    elif learnt.training_interactions != expected:
        raise ValueError(
            f"{path} was learnt from other interactions than this run trains on (digest "
            f"{learnt.training_interactions}, not {expected}): held-out ones may be among them; learn the vectors "
            "again on this dataset, split and filters."
        )
    # A model has a vector for every item, but for items it never saw it is just the initial value.
    used = learnt.present & (dataset.training_interactions().counts(len(learnt.values)) > 0)
    values = np.where(used[:, None], learnt.values, np.float32(0))
    source = {"kind": KIND, "of": "file", "learnt_by": learnt.learnt_by, **describe_values(values)}
    source["training_interactions"] = learnt.training_interactions
    return ItemFeatures(values, source, used)
