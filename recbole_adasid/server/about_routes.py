"""`GET /about` and `GET /health`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from recbole_adasid.server.serving import Serving
from recbole_adasid.version import VERSION

SHOWN = ("tokenizer", "collision", "retrieval", "beam_size", "MAX_ITEM_LIST_LENGTH", "model_size")
"""Settings of a run worth knowing to its clients."""


def about_routes(serving: Serving) -> APIRouter:
    """Return the routes about the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/about", summary="What is served")
    def about() -> Any:
        """Model, dataset, number of items, sizes of the levels of a Semantic ID, limits and settings."""
        recommender = serving.snapshot.recommender
        settings = recommender.run_settings
        return JSONResponse(
            {
                "version": VERSION,
                "model": settings.get("model", ""),
                "dataset": settings.get("dataset", ""),
                "items": recommender.n_recommended,
                "added_items": len(recommender.tokens) - recommender.live.n_of_run,
                "levels": recommender.model.catalogue.level_sizes,
                "items_can_be_added": False,
                "settings": {key: settings[key] for key in SHOWN if key in settings},
                "limits": {key: getattr(serving.limits, key) for key in ("max_histories", "max_length", "max_k")},
            }
        )

    @router.get("/health", summary="Whether requests are answered")
    def health() -> Any:
        """200 if they are, 503 if not."""
        ready = serving.batcher.alive
        return JSONResponse({"live": True, "ready": ready}, 200 if ready else 503)

    return router
