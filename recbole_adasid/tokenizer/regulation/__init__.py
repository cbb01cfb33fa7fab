"""Regulations of Semantic-ID overlaps, pluggable into any trainable tokenizer."""

from recbole_adasid.tokenizer.regulation.adaptive import AdaptiveRegulation
from recbole_adasid.tokenizer.regulation.base import CollisionTerm, NoRegulation, ObjectiveWeights, Regulation
from recbole_adasid.tokenizer.regulation.hamming import HammingRegulation
from recbole_adasid.tokenizer.regulation.schedule import ProgressSchedule

__all__ = [
    "AdaptiveRegulation",
    "CollisionTerm",
    "HammingRegulation",
    "NoRegulation",
    "ObjectiveWeights",
    "ProgressSchedule",
    "Regulation",
]
