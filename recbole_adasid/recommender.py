"""The recommender by the name that programs have known it by: it lives in :mod:`recbole_adasid.serving.recommender`."""

from __future__ import annotations

from recbole_adasid.serving.recommender import Recommendation, Recommender

__all__ = ["Recommendation", "Recommender"]
