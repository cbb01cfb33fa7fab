"""The web application: routes around a recommender that is being served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import APIRouter, FastAPI

from recbole_adasid.server.access import bearer
from recbole_adasid.server.answers import Refusal
from recbole_adasid.server.changes import Changes
from recbole_adasid.server.errors import add_handlers
from recbole_adasid.server.limits import Limits
from recbole_adasid.server.middleware import BodyLimit, Counted
from recbole_adasid.server.routes.about import about_routes
from recbole_adasid.server.routes.explain import explain_routes
from recbole_adasid.server.routes.items import change_routes, item_routes
from recbole_adasid.server.routes.page import page_routes
from recbole_adasid.server.routes.recommend import recommend_routes
from recbole_adasid.server.serving import Serving
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.version import VERSION

ROUTES: tuple[Callable[[Serving], APIRouter], ...] = (
    *(recommend_routes, item_routes),
    *(explain_routes, page_routes),
)
"""Each returns some routes, which read ``serving.snapshot``, once per request, and change nothing."""
_REFUSALS = {422: "a request to correct", 503: "the server is busy: ask again after the seconds in Retry-After"}


def create_application(
    recommender: Recommender,
    *,
    limits: Limits | None = None,
    load: Callable[[], Recommender] | None = None,
    token: str | None = None,
    reload_seconds: float = 2.0,
) -> FastAPI:
    """Return the application that serves a recommender.

    Args:
        recommender: not to be changed by others from now on.
        limits: of its clients; None: the defaults.
        load: loads it again from its run folder, which is then followed; None: the items stay as they are.
        token: of clients that may change the items; None: nobody may.
        reload_seconds: how often to look for changes that other processes made to the run folder.
    """
    serving = Serving(recommender, limits or Limits())
    folder = recommender.live.folder
    changes = Changes(serving, folder, load) if folder and load else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.ensure_future(changes.watch(reload_seconds)) if changes else None
        yield
        if changes and watching:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            changes.close()
        serving.close()

    application = FastAPI(
        title="recbole-adasid",
        version=VERSION,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses={status: {"model": Refusal, "description": about} for status, about in _REFUSALS.items()},
    )
    application.state.serving = serving
    add_handlers(application, folder.path if folder else None)
    for routes in ROUTES:
        application.include_router(routes(serving))
    application.include_router(change_routes(serving, changes, bearer(token)))
    application.include_router(about_routes(serving, changeable=changes is not None and token is not None))
    application.add_middleware(BodyLimit, limits=serving.limits)
    application.add_middleware(Counted, metrics=serving.metrics)  # around the one before
    return application
