"""`GET /about`, `/health`, `/metrics` and `/docs`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader

from recbole_adasid.server.answers import About, Health
from recbole_adasid.server.headers import page_headers
from recbole_adasid.server.state import Serving
from recbole_adasid.serving.new_item_table import own_columns
from recbole_adasid.settings.version import VERSION

SHOWN = ("tokenizer", "collision", "retrieval", "new_item_bias", "beam_size", "MAX_ITEM_LIST_LENGTH", "model_size")
"""Settings of a run that clients may want to know."""
TEMPLATES = Path(__file__).parents[1] / "templates"


def about_routes(serving: Serving, *, changeable: bool = False) -> APIRouter:
    """Return the routes about the server itself.

    Args:
        serving: what is served.
        changeable: whether clients can change the items.
    """
    router = APIRouter(tags=["server"])

    @router.get("/about", summary="What is served", response_model=About)
    def about() -> Any:
        """Model, dataset, number of items, level sizes of the Semantic IDs, limits and settings."""
        return JSONResponse(_about(serving, changeable))

    @router.get("/health", summary="Health check", response_model=Health)
    async def health() -> Any:
        """200 if requests are answered, 503 if the server is shutting down or its decoder has ended."""
        ready = serving.batcher.alive
        return JSONResponse({"live": True, "ready": ready}, 200 if ready else 503)

    @router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Any:
        """Requests and their duration, batch sizes, queue length and number of items."""
        recommender = serving.snapshot.recommender
        gauges: dict[str, tuple[str, float]] = {
            "queue_histories": ("waiting histories", serving.batcher.waiting),
            "items": ("items that can be recommended", recommender.n_recommended),
            "added_items": ("items added after the run that can be recommended", recommender.n_added),
        }
        return PlainTextResponse(serving.metrics.text(gauges), media_type="text/plain; version=0.0.4")

    @router.get("/docs", include_in_schema=False)
    def docs(request: Request) -> Any:
        schema = request.app.openapi()
        page = _template().render(schema=schema, schemas=schema.get("components", {}).get("schemas", {}))
        return HTMLResponse(page, headers=page_headers("style-src 'unsafe-inline'", "img-src 'self'"))

    return router


def _about(serving: Serving, changeable: bool) -> dict[str, Any]:
    recommender, limits = serving.snapshot.recommender, serving.limits
    settings = recommender.run_settings
    return {
        "version": VERSION,
        "model": settings.get("model", ""),
        "dataset": settings.get("dataset", ""),
        "items": recommender.n_recommended,
        "added_items": recommender.n_added,
        "levels": recommender.model.catalogue.level_sizes,
        "items_can_be_added": changeable,
        "item_fields": own_columns(settings),
        "settings": {key: settings[key] for key in SHOWN if key in settings},
        "limits": vars(limits),
    }


@cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("docs.html")
