"""Middleware for every request: it is counted and timed, and its body has to be small and arrive in time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recbole_adasid.server.limits import Limits
from recbole_adasid.server.metrics import Metrics

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class Counted:
    """Counts and times requests by route.

    Args:
        app: the wrapped application.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            # The route's pattern, not the path, and known methods: clients must not be able to make up label values.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.answered(f"{method} {route}", status, time.perf_counter() - started)


class BodyLimit:
    """Refuses bodies that are too large (413) or arrive too slowly (408).

    Args:
        app: the wrapped application.
        limits: ``max_body`` and ``timeout``.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.limits.max_body:
            await JSONResponse({"detail": self._too_large()}, 413)(scope, receive, send)
            return
        until, size, ended = time.monotonic() + self.limits.timeout, 0, False

        async def limited() -> Any:
            nonlocal size, ended
            if ended:  # only the end of the connection can follow
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except asyncio.TimeoutError:
                raise HTTPException(408, f"the body did not arrive within {self.limits.timeout:g} s") from None
            size += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if size > self.limits.max_body:
                raise HTTPException(413, self._too_large())
            return message

        await self.app(scope, limited, send)

    def _too_large(self) -> str:
        return f"the body has more than {self.limits.max_body:,} bytes: split the request"
