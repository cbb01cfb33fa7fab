"""Regulations of Semantic-ID overlaps: interchangeable parts of an autoencoder tokenizer."""

from recbole_adasid.tokenizer.regulation.adasid import AdaptiveRegulation
from recbole_adasid.tokenizer.regulation.base import NoRegulation, Regulation
from recbole_adasid.tokenizer.regulation.quasid import HammingRegulation

REGULATIONS: dict[str, type[Regulation]] = {
    "none": NoRegulation,
    "adaptive": AdaptiveRegulation,
    "hamming": HammingRegulation,
}
"""Every regulation by its name in the setting ``regulation``."""

__all__ = ["REGULATIONS", "AdaptiveRegulation", "HammingRegulation", "NoRegulation", "Regulation"]
