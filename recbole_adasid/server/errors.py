"""Errors of a server and how they are answered: a status, and one sentence as `detail`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

RETRY_AFTER = 1
"""Seconds after which a client may ask a busy server again."""


class Busy(Exception):
    """The server cannot answer now, but can soon."""


def add_handlers(application: FastAPI) -> None:
    """Answer errors with sentences: 422 for what the client can mend, 503 for what it can wait for."""

    @application.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": sentence_of(error.errors())}, 422)

    @application.exception_handler(ValueError)
    async def refused(_: Request, error: ValueError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @application.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": str(RETRY_AFTER)})


def sentence_of(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the first of pydantic's errors as a sentence, with the place and what is there."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}"
    if first["type"] == "missing":
        return f"{place} is missing: give it"
    if first["type"] == "extra_forbidden":
        return f"{place} is not a field of this request: leave it out, or see /docs for the fields"
    given = " ".join(repr(first.get("input")).split())
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    message = first["msg"].removeprefix("Value error, ")
    return f"{place} is {shown}: {message[:1].lower()}{message[1:]}"
