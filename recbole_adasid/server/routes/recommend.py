"""`POST /recommend`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from recbole_adasid.io.checked_input import number_of_items, share_of_places
from recbole_adasid.server.answers import Recommendations
from recbole_adasid.server.batching import Options
from recbole_adasid.server.limits import Limits
from recbole_adasid.server.requests import RecommendRequest
from recbole_adasid.server.snapshot import Snapshot
from recbole_adasid.server.state import Serving


def recommend_routes(serving: Serving) -> APIRouter:
    """Return the route that recommends."""
    router = APIRouter(tags=["recommendations"])

    @router.post("/recommend", summary="Recommend items", response_model=Recommendations)
    async def recommend(request: RecommendRequest) -> Any:
        """The best items after one history, or after each of several.

        Unknown history items are skipped. A single history without known items is refused; among several, it gets an
        empty list.
        """
        histories = _histories(request, serving.snapshot, serving.limits)
        found = await serving.recommend(histories, _options(request, serving.limits))
        return JSONResponse({"recommendations": found if request.history is None else found[0]})

    return router


def _histories(request: RecommendRequest, snapshot: Snapshot, limits: Limits) -> list[list[str]]:
    if (request.history is None) == (request.histories is None):
        raise ValueError("give either history, a list of item tokens, or histories, a list of such lists")
    if request.history is not None:
        snapshot.recommender.live.known(request.history)  # refuses a history without any
    histories = [request.history] if request.history is not None else request.histories or []
    if len(histories) > limits.max_histories:
        raise ValueError(f"{len(histories)} histories exceed the limit of {limits.max_histories}: split the request")
    longest = max(map(len, histories), default=0)
    if longest > limits.max_length:
        raise ValueError(
            f"a history has {longest} items, more than {limits.max_length}: give the latest ones, oldest first"
        )
    return histories


def _options(request: RecommendRequest, limits: Limits) -> Options:
    k = number_of_items(request.k) if "k" in request.model_fields_set else min(request.k, limits.max_k)
    if k > limits.max_k:
        raise ValueError(f"k is {k}, more than {limits.max_k}: ask for fewer items")
    return Options(
        k,
        request.exclude_seen,
        None if request.allow is None else tuple(request.allow),
        tuple(request.deny),
        request.category,
        share_of_places(request.new_share),
    )
