"""The hub client, an optional dependency, with one-sentence errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from recbole_adasid.io.extras import imports_for
from recbole_adasid.io.one_line import first_line

_OF_CONNECTIONS = ("requests", "urllib3", "httpx", "httpx2", "httpcore")
"""HTTP libraries used by the various releases of huggingface_hub."""
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


class Unreachable(ConnectionError):
    """The hub does not answer."""


def hub_client(purpose: str) -> ModuleType:
    """Import and return huggingface_hub, which ``purpose`` needs.

    Raises:
        ImportError: naming the extra.
    """
    with imports_for(purpose, "hub"):
        import huggingface_hub
    return huggingface_hub


def endpoint() -> str:
    """Return the hub's address: HF_ENDPOINT as of Python's start, or the public hub."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def is_offline() -> bool:
    """Tell whether HF_HUB_OFFLINE forbids connections."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@contextmanager
def in_a_sentence(name: str, revision: str | None) -> Iterator[None]:
    """Turn the client's errors about the repository ``name`` into one sentence each.

    Raises:
        FileNotFoundError: if there is no such repository or revision, or it is not cached and cannot be downloaded.
        PermissionError: if a token is missing or lacks permission.
        ValueError: for an invalid repository name.
        Unreachable: if the hub does not answer.
        OSError: for any other error response.
    """
    from huggingface_hub import utils

    try:
        yield
    except utils.GatedRepoError:
        raise PermissionError(f"{name} is gated: accept its terms at {endpoint()}/{name}, and {LOG_IN}") from None
    except utils.RepositoryNotFoundError:
        raise FileNotFoundError(
            f"{name} does not exist on {endpoint()}, or is private and needs a token that can read it: correct the "
            f"name, or {LOG_IN}"
        ) from None
    except utils.RevisionNotFoundError:
        raise FileNotFoundError(
            f"{name} has no revision {revision!r}: give a branch, tag or commit, or leave it out for main"
        ) from None
    except utils.LocalEntryNotFoundError:
        raise FileNotFoundError(
            f"there is no folder {name}, {name}{f' at {revision!r}' if revision else ''} is not in the cache, and "
            "downloading is disabled or impossible: load it once online, without HF_HUB_OFFLINE and local_files_only"
        ) from None
    except utils.LocalTokenNotFoundError:
        raise PermissionError(f"{name} needs a token, and none was found: {LOG_IN}") from None
    except utils.HFValidationError as error:
        raise ValueError(f"{name!r} is not a valid model name such as user/model ({_first_line(error)})") from None
    except utils.HfHubHTTPError as error:
        raise _answered(name, error) from None
    except Exception as error:
        if isinstance(error, (ConnectionError, TimeoutError)) or _is_of_a_connection(error):
            raise Unreachable(f"cannot reach {endpoint()} ({_first_line(error)}): check the connection") from None
        if isinstance(error, (ValueError, OSError)):  # such as a download that ends early
            raise OSError(f"{name}: {_first_line(error)}: try again") from None
        raise


def _answered(name: str, error: Exception) -> OSError:
    """Return the error for an HTTP error response."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 401:
        return PermissionError(f"{endpoint()} requires a valid token for {name}: {LOG_IN}")
    if status == 403:
        return PermissionError(f"the token lacks the permission for {name}: use one that has it, and {LOG_IN}")
    if status is not None and status >= 500:
        return Unreachable(f"{endpoint()} answered with status {status}: try again later")
    return OSError(f"{endpoint()} refused the request for {name}: {_first_line(error)}")


def _is_of_a_connection(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _OF_CONNECTIONS


def _first_line(error: Exception) -> str:
    return first_line(error).rstrip(".:")
