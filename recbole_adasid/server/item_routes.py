"""`GET /items`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from recbole_adasid.server.serving import Serving


def item_routes(serving: Serving) -> APIRouter:
    """Return the routes of items."""
    router = APIRouter(tags=["items"])

    @router.get("/items", summary="Find items by the beginnings of words of title, token or category")
    def find(query: str = "", limit: int = 20) -> Any:
        """Best first; without a query all items, in the order of the catalogue. `total` counts all that match."""
        if not 1 <= limit <= serving.limits.max_items:
            raise ValueError(f"limit is {limit}: ask for 1 to {serving.limits.max_items} items")
        items, total = serving.snapshot.find_items(query, limit)
        return JSONResponse({"items": items, "total": total})

    return router
