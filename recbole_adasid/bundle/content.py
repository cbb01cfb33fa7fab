"""The content of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.features.fitted_state import Fitted
from recbole_adasid.tokenizer.base import ItemTokenizer

ABOUT = ("source", "dataset", "settings", "feature_kind", "fingerprints", "quality")
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
    """Plain values: ``source`` (run or imported file), ``dataset``, ``settings`` of the tokenizer, the ``feature_kind``
    that it encodes (see :func:`~recbole_adasid.features.feature_kind.feature_kind`), ``fingerprints`` of Semantic IDs,
    features and pairs, and ``quality`` figures by name."""
    fitted: Fitted = field(default_factory=dict)
    """What the encoders of the tokenizer's features learned from the items; empty if nothing, or if unknown: then
    ``about`` has no ``feature_kind``, as in bundles of earlier versions."""

    def __post_init__(self) -> None:
        """Refuse content that could be written but not read."""
        if self.tokenizer is not None and not self.about.get("settings"):
            raise ValueError("a bundle with a tokenizer needs its settings: pass them as about['settings']")
