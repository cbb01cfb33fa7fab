"""Semantic IDs with items held out of training: learned from the others, then assigned as for new items.

Letters: N items, C cold ones, L levels, S codes and suffix.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.data.item_table import rows_of_items
from recbole_adasid.features.item_source import ItemSource
from recbole_adasid.features.vectors import ItemFeatures
from recbole_adasid.io.digests import array_digest, fingerprint
from recbole_adasid.learning.placement import place, ranked_last_codes
from recbole_adasid.learning.semantic_ids import SemanticIDs
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.settings.lookup import Settings
from recbole_adasid.tokenizer.agreement import EmbeddingPairs
from recbole_adasid.tokenizer.quality import sid_quality

logger = logging.getLogger(__name__)


class ItemSubset:
    """Some items of a dataset as a separate dataset, with renumbered rows.

    Args:
        dataset: of N items.
        chosen: bool [N], which items.
    """

    def __init__(self, dataset: ItemSource, chosen: NDArray[np.bool_]) -> None:
        self.dataset, self.chosen = dataset, chosen

    def item_tokens(self) -> list[str]:
        """Return the tokens of the chosen items."""
        return [token for token, mine in zip(self.dataset.item_tokens(), self.chosen.tolist()) if mine]

    def training_interactions(self) -> InteractionArrays:
        """Return the training interactions, with renumbered item rows.

        Raises:
            RuntimeError: if one has another item, which would leak.
        """
        users, rows = self.dataset.training_interactions().arrays()
        if not self.chosen[rows].all():
            raise RuntimeError("training interactions contain held-out items; please report this")
        return InteractionArrays(users, (self.chosen.cumsum() - 1)[rows])

    def training_digest(self) -> str:
        """Return the digest of the training interactions, numbered as in the whole dataset."""
        return self.dataset.training_digest()

    def item_table(self) -> dict[str, list[str]] | None:
        """Return the columns of the `.item` file for the chosen items."""
        table = self.dataset.item_table()
        return None if table is None else rows_of_items(table, self.item_tokens())

    def dataset_path(self) -> Path:
        """Return the dataset's folder."""
        return self.dataset.dataset_path()

    def cold_items(self) -> None:
        """Return None: no item of this dataset is held out."""


def with_cold_items(
    learned: SemanticIDs, config: Settings, cold: NDArray[np.bool_], features: ItemFeatures
) -> SemanticIDs:
    """Return the Semantic IDs of all items, given the ``learned`` ones of warm items.

    Cold items get codes from the frozen codebooks, and a place next to the warm ones by
    :func:`~recbole_adasid.learning.placement.place`, like new items.

    Args:
        learned: from the warm items alone, with the tokenizer.
        config: settings.
        cold: [N], which are held out.
        features: of the cold items, in the warm items' space.
    """
    assert learned.tokenizer is not None
    values, tokenizer = torch.from_numpy(features.values), learned.tokenizer
    codes = tokenizer.encode(values)
    warm = Catalogue(torch.from_numpy(learned.codes), learned.codebook_sizes, collision=config["collision"])
    suffixes = warm.level_sizes[-1] if warm.collision == "suffix" else None
    placed = place(
        codes, warm.tokens[1:], suffixes, lambda rows: ranked_last_codes(tokenizer, values[rows], codes[rows])
    )
    if len(placed.unplaced):
        logger.warning(
            "%d of %d held-out items got a suffix that no training item has, so the model cannot learn it. A larger "
            "codebook_size may help.",
            *(len(placed.unplaced), len(codes)),
        )
    tokens = np.empty((len(cold), placed.tokens.shape[1]), dtype=np.int64)
    tokens[~cold], tokens[cold] = warm.tokens[1:].numpy(), placed.tokens.numpy()
    assert learned.vectors is not None
    vectors = np.empty((len(cold), learned.vectors.shape[1]), dtype=np.float32)
    vectors[~cold], vectors[cold] = learned.vectors, features.values
    description = described_with_cold(learned.description, config, cold, features.source)
    levels = len(learned.codebook_sizes)
    return replace(
        learned,
        codes=tokens[:, :levels],
        suffix=None if suffixes is None else tokens[:, levels],
        quality={**learned.quality, **sid_quality(tokens[:, :levels], learned.codebook_sizes)},
        fingerprint=fingerprint(description),
        description=description,
        near=None if learned.near is None else _renumbered(learned.near, np.flatnonzero(~cold)),
        vectors=vectors,
    )


def _renumbered(near: EmbeddingPairs, rows: NDArray[np.int64]) -> EmbeddingPairs:
    return near._replace(items=rows[near.items], nearest=rows[near.nearest])


def described_with_cold(
    warm: dict[str, Any], config: Settings, cold: NDArray[np.bool_], features: dict[str, Any]
) -> dict[str, Any]:
    """Return the description of everything that determines all Semantic IDs, given that of the warm items'."""
    return {**warm, "cold": {"items": array_digest(cold), "features": features, "collision": config["collision"]}}
