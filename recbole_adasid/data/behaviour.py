"""Old import path of :mod:`recbole_adasid.features.behaviour_vectors`."""

from __future__ import annotations

from recbole_adasid.features.behaviour_vectors import write_item_vectors

__all__ = ["write_item_vectors"]
