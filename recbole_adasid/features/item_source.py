"""What a dataset provides about its items; rows leave out RecBole's padding item."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from recbole_adasid.data.interactions import Interactions


class ItemContents(Protocol):
    """The contents of N items."""

    def item_tokens(self) -> list[str]:
        """Return the external item tokens in row order."""

    def item_table(self) -> dict[str, list[str]] | None:
        """Return the columns of the `.item` file, if any: :func:`~recbole_adasid.data.item_table.read_item_table`."""

    def dataset_path(self) -> Path:
        """Return the dataset's folder."""


class ItemSource(ItemContents, Protocol):
    """The interface of a dataset to learn Semantic IDs from: the contents of its items and how they were used."""

    def training_interactions(self) -> Interactions:
        """Return the interactions of these items that training may see."""

    def training_digest(self) -> str:
        """Return the digest of all interactions that training may see, as in the run's artefacts."""

    def cold_items(self) -> np.ndarray | None:
        """Return which items are held out of training, bool [N], or None."""
