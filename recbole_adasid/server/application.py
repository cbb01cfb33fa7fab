"""The web application: routes around a served recommender."""

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
from recbole_adasid.server.state import Serving
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.version import VERSION

ROUTES: tuple[Callable[[Serving], APIRouter], ...] = (
    *(recommend_routes, item_routes),
    *(explain_routes, page_routes),
)
"""Each returns read-only routes, which read ``serving.snapshot`` once per request."""
_REFUSALS = {422: "invalid request", 503: "server busy: retry after the seconds in Retry-After"}


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
        recommender: must not be changed elsewhere from now on.
        limits: limits for clients; None: the defaults.
        load: reloads it whenever its run folder changes; None: the items never change.
        token: lets clients change items; None: nobody can.
        reload_seconds: seconds between checks of the run folder for changes by other processes.
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
        docs_url=None,  # FastAPI's own pages load scripts from a CDN
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
    application.add_middleware(Counted, metrics=serving.metrics)  # outermost
    return application
