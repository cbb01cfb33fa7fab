"""Former name of the recommender, kept for existing programs: now in :mod:`recbole_adasid.serving.recommender`."""

from __future__ import annotations

from recbole_adasid.serving.recommender import Recommendation, Recommender

__all__ = ["Recommendation", "Recommender"]
