"""The names of this package's models in settings and files."""

from __future__ import annotations

TIGER, LIGER = "TIGER", "LIGER"
OWN = (TIGER, LIGER)
"""All models of this package; they use Semantic IDs."""
