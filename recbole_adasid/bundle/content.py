"""The content of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.tokenizer.base import ItemTokenizer

ABOUT = ("source", "dataset", "settings", "fingerprints", "quality")
"""The entries of ``about``."""


@dataclass(frozen=True, eq=False)
class BundleContent:
    """Semantic IDs, the tokenizer that learned them, and metadata.

    Raises:
        ValueError: for a tokenizer without the settings needed to rebuild it.
    """

    sids: ItemSIDs
    tokenizer: ItemTokenizer | None = None
    """Encoder and codebooks, frozen; None if only the Semantic IDs are known."""
    labels: Mapping[str, ItemLabel] = field(default_factory=dict)
    """Titles and categories by item token, as far as known."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Plain values: ``source`` (run or imported file), ``dataset``, ``settings`` of the tokenizer, ``fingerprints`` of
    Semantic IDs, features and pairs, and ``quality`` figures by name."""

    def __post_init__(self) -> None:
        """Refuse content that could be written but not read."""
        if self.tokenizer is not None and not self.about.get("settings"):
            raise ValueError("a bundle with a tokenizer needs its settings: pass them as about['settings']")
