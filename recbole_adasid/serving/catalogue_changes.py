"""Outcomes of adding and removing items of a catalogue."""

from __future__ import annotations

from typing import NamedTuple


class Arrival(NamedTuple):
    """Outcome of adding items."""

    items: list[str]
    """Items added, or added back."""
    semantic_ids: list[list[int]]
    """Codes and suffix of each."""
    moved: list[str]
    """Items whose last code is not their nearest, because no suffix was free there."""
    known: list[str]
    """Items already in the catalogue, which keep their Semantic ID."""
    refused: dict[str, str]
    """Items that could not be added, and those with several rows, of which only the first was read, with reasons."""


class Departure(NamedTuple):
    """Outcome of removing items."""

    items: list[str]
    """Items removed now, not earlier."""
    refused: dict[str, str]
    """Items not in the catalogue, with reasons."""
