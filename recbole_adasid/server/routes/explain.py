"""`POST /explain` and `GET /codes`: the path to an item through the prefix tree, and what its codes mean."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from recbole_adasid.server.answers import CodeMeaning, Explained
from recbole_adasid.server.requests import ExplainRequest
from recbole_adasid.server.state import Serving
from recbole_adasid.serving.explain import explain

MOST = 100
"""Maximum number of words, categories and examples in a response."""


def explain_routes(serving: Serving) -> APIRouter:
    """Return the routes that explain recommendations."""
    router = APIRouter(tags=["explanations"])

    @router.post("/explain", summary="The path to an item through the tree", response_model=Explained)
    def explained(request: ExplainRequest) -> Any:
        """How probable each token of the item's Semantic ID is after a history, among those that the tree allows."""
        if len(request.history) > serving.limits.max_length:
            raise ValueError(
                f"the history has {len(request.history)} items, more than {serving.limits.max_length}: give the latest "
                "ones, oldest first"
            )
        with serving.explaining():
            found = explain(serving.snapshot.recommender, request.history, request.item)
        path = [{**step._asdict(), "options": [option._asdict() for option in step.options]} for step in found.path]
        return JSONResponse({**found._asdict(), "path": path})

    @router.get("/codes", summary="What a code means", response_model=CodeMeaning)
    def meaning(prefix: str = "", limit: int = 6) -> Any:
        """Describes the items whose Semantic ID begins with `prefix`, codes such as `3,17`; empty: all items."""
        if not 1 <= limit <= MOST:
            raise ValueError(f"limit is {limit}: ask for 1 to {MOST} words, categories and examples")
        found = serving.snapshot.meanings.of(_codes(prefix), limit=limit)
        return JSONResponse({**found._asdict(), "examples": [example._asdict() for example in found.examples]})

    return router


def _codes(prefix: str) -> list[int]:
    codes = prefix.split(",") if prefix.strip() else []
    if not all(code.strip().isdecimal() and len(code) < 10 for code in codes):
        raise ValueError(f"prefix is {prefix[:60]!r}: give codes separated by commas, such as 3,17")
    return [int(code) for code in codes]
