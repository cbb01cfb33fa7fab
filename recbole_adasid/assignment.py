"""Assignment by the name that programs have known it by: it lives in :mod:`recbole_adasid.tokenizer.bulk.blocks`."""

from __future__ import annotations

from recbole_adasid.tokenizer.bulk.blocks import assign_semantic_ids

__all__ = ["assign_semantic_ids"]
