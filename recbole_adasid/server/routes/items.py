"""`GET`, `POST` and `DELETE /items`."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from recbole_adasid.server.answers import Added, FoundItems, Removed
from recbole_adasid.server.changes import Changes
from recbole_adasid.server.new_items import no_fields, table_of, vectors_of
from recbole_adasid.server.requests import AddRequest, RemoveRequest
from recbole_adasid.server.state import Serving
from recbole_adasid.serving.new_item_table import MissingColumns

MAX_LISTED = 1000
"""Maximum number of items in a response."""
MAX_QUERY = 200
"""Maximum length of a query in characters: each word costs a pass over all items."""
Query = Annotated[str, fastapi.Query(description="word prefixes in title, token or category; empty: all items")]
WithRemoved = Annotated[bool, fastapi.Query(description="find removed items, too: histories may contain them")]
Limit = Annotated[int, fastapi.Query(description="number of items to return")]


def item_routes(serving: Serving) -> APIRouter:
    """Return the route that finds items."""
    router = APIRouter(tags=["items"])

    @router.get("/items", summary="Find items", response_model=FoundItems)
    def find(query: Query = "", limit: Limit = 20, removed: WithRemoved = False) -> Any:
        """Items that match a query, best first; `total` counts all matches, including those beyond the limit."""
        _check_number("limit", limit, MAX_LISTED)
        if len(query) > MAX_QUERY:
            raise ValueError(f"the query has {len(query)} characters: give at most {MAX_QUERY}")
        items, total = serving.snapshot.find_items(query, limit, removed=removed)
        return JSONResponse({"items": items, "total": total})

    return router


def change_routes(serving: Serving, changes: Changes | None, allowed: Any) -> APIRouter:
    """Return the routes that change the items.

    Args:
        serving: what is served.
        changes: makes the changes; None: there is no run folder to write to.
        allowed: dependency that checks whether a client may change items.
    """
    router = APIRouter(tags=["items"], dependencies=[allowed])

    @router.post("/items", summary="Add items", response_model=Added)
    async def add(request: AddRequest) -> Any:
        """New items get Semantic IDs from the frozen codebooks; they are on disk and can be recommended at once.

        Give the columns that the run's features read, `item_fields` of `/about`. Known items stay as they are; removed
        ones are restored.
        """
        _check_number("the number of items", len(request.items), serving.limits.max_items)
        table, ignored = table_of(request.items, serving.snapshot.recommender.run_settings)
        tokens = [one.item for one in request.items]
        features = vectors_of(request.features)
        given: dict[str, Any] = {"table": table, "features": features, "bad_items": request.bad_items}
        try:
            arrival, snapshot = await _open(changes).change(lambda recommender: recommender.add_items(tokens, **given))
        except MissingColumns as error:
            raise ValueError(no_fields(error.columns, ignored)) from None
        told = {"items": snapshot.items(arrival.items), "moved": arrival.moved, "known": arrival.known}
        return JSONResponse({**told, "refused": arrival.refused, "ignored_fields": ignored})

    @router.delete("/items", summary="Remove items", response_model=Removed)
    async def remove(request: RemoveRequest) -> Any:
        """Removed items are no longer recommended; histories may still contain them."""
        _check_number("the number of items", len(request.items), serving.limits.max_items)
        tokens, bad_items = request.items, request.bad_items
        departure, _ = await _open(changes).change(
            lambda recommender: recommender.remove_items(tokens, bad_items=bad_items)
        )
        return JSONResponse({"items": departure.items, "refused": departure.refused})

    return router


def _open(changes: Changes | None) -> Changes:
    if changes is None:
        raise HTTPException(403, "items cannot be changed: there is no run folder to write to")
    return changes


def _check_number(what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise ValueError(f"{what} is {number}: it has to be from 1 to {most}")
