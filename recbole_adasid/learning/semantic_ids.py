"""Semantic IDs of a catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recbole_adasid.bundle.item_sids import ItemSIDs
from recbole_adasid.features.fitted_state import Fitted
from recbole_adasid.tokenizer.agreement import EmbeddingPairs
from recbole_adasid.tokenizer.base import ItemTokenizer


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
    """Fingerprint of everything that determined the codes."""
    description: dict[str, Any]
    """The input of the fingerprint, in plain types."""
    stages: dict[str, str]
    """``computed`` or ``reused`` for each stage."""
    tokenizer: ItemTokenizer | None
    """Ready to encode new items; None if the Semantic IDs were given without one that fits the features."""
    tokenizer_description: dict[str, Any] | None = None
    """What the tokenizer was learned from, if it came from elsewhere; None: ``description``."""
    fitted: Fitted = field(default_factory=dict)
    """What the features learned from the items, for features of new items."""
    suffix: np.ndarray | None = None
    """int64 [N], if items are held out, numbered after the others, or come from a bundle. None: number all in item
    order."""
    reserved: ItemSIDs | None = None
    """Semantic IDs of items that are not in the dataset, which no other item may get."""
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """Steps of the tokenizer's training and their numbers; empty if it is not trained in steps."""
    near: EmbeddingPairs | None = None
    """Items and their nearest by embedding; None without features."""
    vectors: np.ndarray | None = None
    """float32 [N, d], features of all items, including those held out; None if there are none."""
