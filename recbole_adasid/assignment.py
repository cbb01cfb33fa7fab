"""Former name of assignment, kept for existing programs: now in :mod:`recbole_adasid.tokenizer.bulk.blocks`."""

from __future__ import annotations

from recbole_adasid.tokenizer.bulk.blocks import assign_semantic_ids

__all__ = ["assign_semantic_ids"]
