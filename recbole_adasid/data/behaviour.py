"""Former import path of :mod:`recbole_adasid.features.behaviour_vectors`, until 0.3."""

from __future__ import annotations

from importlib import import_module

# By name: `data` does not import `features`, which uses it.
write_item_vectors = import_module("recbole_adasid.features.behaviour_vectors").write_item_vectors

__all__ = ["write_item_vectors"]
