"""Token authentication for changes to items. Annotations stay evaluated, as FastAPI reads them."""

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from recbole_adasid.io.text_file import read_text
from recbole_adasid.settings.errors import SettingsError

VARIABLE = "RECBOLE_ADASID_TOKEN"
LEAST = 16
_SCHEME = HTTPBearer(auto_error=False, description="the token that the server was started with")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_OFF = f"items cannot be changed: the server was started without --token_file=FILE or {VARIABLE}"


def read_token(path: Optional[str], environment: Mapping[str, str] = os.environ) -> Optional[str]:
    """Return the token from a file, or else from the environment variable; None if there is none.

    Raises:
        FileNotFoundError: if there is no such file.
        SettingsError: if it is too short, or has characters other than printable ASCII.
    """
    token = environment.get(VARIABLE, "").strip() if path is None else read_text(Path(path)).strip()
    if not token and path is None:
        return None
    if len(token) < LEAST or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            f"The token in {path or VARIABLE} is too short ({len(token)} characters) or has special characters: use "
            f"one line of {LEAST} or more letters and digits, such as the output of `openssl rand -hex 32`."
        )
    return token


def bearer(token: Optional[str]) -> Any:
    """Return a route dependency that refuses requests without `Authorization: Bearer TOKEN`.

    Args:
        token: the server's token; None: refuse every request.
    """

    def check(given: Annotated[Optional[HTTPAuthorizationCredentials], Depends(_SCHEME)]) -> None:
        if token is None:
            raise HTTPException(403, _OFF)
        # In constant time: the response time must not reveal how much of a guess is right.
        if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
            what = "needs" if given is None else "has a wrong token in"
            raise HTTPException(401, f"the request {what} the header Authorization: Bearer TOKEN", _CHALLENGE)

    return Depends(check)
