"""Errors and their responses: a status, and one sentence as `detail`."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from recbole_adasid.io.checked_input import short
from recbole_adasid.io.tensor_file import DamagedFile

logger = logging.getLogger(__name__)

RETRY_AFTER = 1
"""Seconds after which a client may retry."""
INTERNAL = "internal error: the server's log has the details"


class Busy(Exception):
    """The server cannot answer now; retrying may help."""


def add_handlers(application: FastAPI, folder: Path | None) -> None:
    """Answer errors with one sentence: 422 if the client has to fix the request, 503 if it may retry, 500 otherwise.

    Args:
        application: the server.
        folder: run folder, whose location clients do not learn.
    """

    @application.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": sentence_of(error.errors())}, 422)

    @application.exception_handler(ValueError)
    async def refused(_: Request, error: ValueError) -> JSONResponse:
        return JSONResponse({"detail": without_place(str(error), folder)}, 422)

    @application.exception_handler(DamagedFile)  # a ValueError, but not the client's
    async def damaged(_: Request, error: DamagedFile) -> JSONResponse:
        logger.error("A request failed: %s", error)
        return JSONResponse({"detail": INTERNAL}, 500)

    @application.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return JSONResponse({"detail": without_place(str(error), folder)}, 503, {"Retry-After": str(RETRY_AFTER)})

    @application.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": INTERNAL}, 500)

    @application.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        detail = error.detail
        if error.status_code == 400:  # FastAPI's, for a body that Python's json cannot read
            detail = "the body is not JSON in UTF-8, is nested too deeply, or has a number of too many digits"
            return JSONResponse({"detail": detail}, 422)
        if error.status_code in (404, 405):
            detail = f"there is no {request.method} {request.url.path}: /docs lists the routes"
        return JSONResponse({"detail": detail}, error.status_code, error.headers)


def without_place(message: str, folder: Path | None) -> str:
    """Return a message with the folder's name in place of its full path."""
    for parent in () if folder is None else {str(folder.parent), str(folder.absolute().parent)} - {".", "/"}:
        message = message.replace(f"{parent}{os.sep}", "")
    return message


def sentence_of(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return pydantic's first error as a sentence: where it is, what was given, and what is expected."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
    if first["type"] == "json_invalid":
        return f"the body is not JSON ({first['ctx']['error']} at character {place})"
    if not place:
        return "the body is not a JSON object: send one, with the header Content-Type: application/json"
    if first["type"] == "missing":
        return f"{place} is missing: add it"
    if first["type"] == "extra_forbidden":
        return f"{place} is not a field of this request: /docs lists the fields"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place} is {short(first.get('input'))}: {message[:1].lower()}{message[1:]}"
