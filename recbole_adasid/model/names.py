"""The models of this package, by the names that settings and files have for them."""

from __future__ import annotations

TIGER, LIGER = "TIGER", "LIGER"
OWN = (TIGER, LIGER)
"""All of them; they have Semantic IDs."""
