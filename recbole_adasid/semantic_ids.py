"""Semantic IDs of a catalogue, and what a dataset has to tell for them to be learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from recbole_adasid.data.interactions import Interactions
from recbole_adasid.features.item_features import Fitted, ItemContents
from recbole_adasid.tokenizer.agreement import EmbeddingPairs
from recbole_adasid.tokenizer.base import ItemTokenizer


class ItemSource(ItemContents, Protocol):
    """What a dataset has to tell about its items."""

    def training_interactions(self) -> Interactions:
        """Return the interactions that training may see."""

    def training_digest(self) -> str:
        """Return the digest of all interactions that training may see, whichever of the items these are."""

    def cold_items(self) -> np.ndarray | None:
        """Return which items are held out of training, bool [N], or None."""


@dataclass(frozen=True)
class SemanticIDs:
    """Semantic IDs of a catalogue and where they came from."""

    codes: np.ndarray
    """int64 [N, L]."""
    codebook_sizes: list[int]
    """K of each level."""
    quality: dict[str, float]
    """See :func:`~recbole_adasid.tokenizer.quality.sid_quality` and
    :func:`~recbole_adasid.tokenizer.agreement.neighbour_agreement`."""
    fingerprint: str
    """Of everything that determined the codes."""
    description: dict[str, Any]
    """What the fingerprint was taken of, in plain types."""
    stages: dict[str, str]
    """``computed`` or ``reused`` for each stage."""
    tokenizer: ItemTokenizer | None
    """Ready to encode further items; None where the Semantic IDs were given."""
    fitted: Fitted = field(default_factory=dict)
    """What the features learnt from the items, to make those of further items."""
    suffix: np.ndarray | None = None
    """int64 [N], where some items are held out: their numbers come after those of the others. None: number them all."""
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """Steps of the tokenizer's training and their numbers; none where it is not trained by steps."""
    near: EmbeddingPairs | None = None
    """Items and their nearest by embedding; None where there are no features."""
    vectors: np.ndarray | None = None
    """float32 [N, d], features of all items, those held out included; None where there are none."""
