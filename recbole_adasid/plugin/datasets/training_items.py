"""What Semantic IDs may be learned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.interactions import Interactions
from recbole_adasid.data.item_table import ITEM_COLUMN, read_item_table


@dataclass(frozen=True)
class TrainingItems:
    """What Semantic IDs may be learned from: a dataset's items and training interactions."""

    tokens: list[str]
    interactions: Interactions
    table: AtomicText
    """The `.item` file, which may not exist."""
    item_field: str = ITEM_COLUMN
    cold: NDArray[np.bool_] | None = None
    """[N], which items are held out of training; None: none."""

    def item_tokens(self) -> list[str]:
        """Return the N external item tokens; row r is RecBole's item r + 1."""
        return self.tokens

    def training_interactions(self) -> Interactions:
        """Return all interactions that are neither a validation nor a test target."""
        return self.interactions

    def training_digest(self) -> str:
        """Return the digest of these interactions, as in sids.info.json."""
        return self.interactions.digest()

    def cold_items(self) -> NDArray[np.bool_] | None:
        """Return which items are held out of training, or None."""
        return self.cold

    def item_table(self) -> dict[str, list[str]] | None:
        """Return the columns of the `.item` file, cells verbatim, or None if there is no such file."""
        return read_item_table(self.table, item_field=self.item_field) if self.table.path.is_file() else None

    def dataset_path(self) -> Path:
        """Return the dataset's folder."""
        return self.table.path.parent
