"""The page at `/`: files from `static/`, which talk to this server only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from recbole_adasid.server.headers import page_headers
from recbole_adasid.server.state import Serving

STATIC = Path(__file__).parents[1] / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = page_headers("script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'")


def page_routes(_: Serving) -> APIRouter:
    """Return the routes of the page and its files."""
    router = APIRouter(include_in_schema=False)
    files = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}

    def answer(name: str) -> FileResponse:
        path = files[name]
        return FileResponse(path, media_type=f"{TYPES[path.suffix]}; charset=utf-8", headers=HEADERS)

    @router.get("/")
    def page() -> Any:
        return answer("index.html")

    @router.get("/static/{name}")
    def file(name: str) -> Any:
        if name not in files:
            raise HTTPException(404)
        return answer(name)

    return router
