"""The web application: routes around a recommender that is being served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from recbole_adasid.server.about_routes import about_routes
from recbole_adasid.server.errors import add_handlers
from recbole_adasid.server.explain_routes import explain_routes
from recbole_adasid.server.item_routes import item_routes
from recbole_adasid.server.limits import Limits
from recbole_adasid.server.page import page_routes
from recbole_adasid.server.recommend_routes import recommend_routes
from recbole_adasid.server.serving import Serving
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.version import VERSION

ROUTES: tuple[Callable[[Serving], APIRouter], ...] = (
    *(recommend_routes, item_routes, about_routes),
    *(explain_routes, page_routes),
)
"""Each returns some routes; they read ``serving.snapshot``, once per request, and never change it."""


def create_application(recommender: Recommender, *, limits: Limits | None = None) -> FastAPI:
    """Return the application that serves a recommender.

    Args:
        recommender: not to be changed by others from now on.
        limits: of its clients; None: the defaults.
    """
    serving = Serving(recommender, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        serving.close()

    application = FastAPI(
        title="recbole-adasid", version=VERSION, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    application.state.serving = serving
    add_handlers(application)
    for routes in ROUTES:
        application.include_router(routes(serving))
    return application
