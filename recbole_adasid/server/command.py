"""Implementation of `recbole-adasid serve`: the application on uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from recbole_adasid.io.extras import imports_for
from recbole_adasid.server.limits import Limits
from recbole_adasid.settings.errors import SettingsError


def serve(given: Mapping[str, Any]) -> None:
    """Serve a run until SIGTERM or Ctrl-C, then finish pending requests.

    Args:
        given: `run_folder` and the command's options.

    Raises:
        ValueError: if an extra is missing, the address cannot be used, or the run cannot be loaded.
    """
    limits = Limits(**{name: given[name] for name in Limits.__dataclass_fields__})
    if limits.queue < limits.max_histories:
        raise SettingsError(
            f"queue={limits.queue} is smaller than max_histories={limits.max_histories}: raise queue or "
            "lower max_histories."
        )
    uvicorn = _uvicorn()
    from recbole_adasid.server.access import read_token

    token = read_token(given["token_file"])
    with _listening(given["host"], given["port"]) as listening:
        application, about = _application(given, limits, token)
        config = uvicorn.Config(
            application,
            log_level="info" if given["log_requests"] else "warning",
            access_log=given["log_requests"],
            server_header=False,
            # Longer than any request may take, so the last ones still get a response.
            timeout_graceful_shutdown=int(2 * limits.timeout) + 1,
        )
        print(f"{about}: {_address(listening)} (routes: {_address(listening)}/docs)", flush=True)
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has ended
            uvicorn.Server(config).run([listening])
    print("stopped; all pending requests were answered", flush=True)


def _uvicorn() -> Any:
    with imports_for("serve", "serve"):
        import fastapi  # noqa: F401
        import uvicorn
    return uvicorn


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket; it is bound first, because loading the run may take a while."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]  # the rest repeats it
        raise ValueError(f"cannot listen on {host}, port {port} ({reason}): choose another --host or --port") from None


def _application(given: Mapping[str, Any], limits: Limits, token: str | None) -> tuple[Any, str]:
    """Return the application, and a line about what it serves."""
    import torch

    from recbole_adasid.server.application import create_application
    from recbole_adasid.serving.recommend_file import usable_device
    from recbole_adasid.serving.recommender import Recommender
    from recbole_adasid.serving.trained_model import CHOICES

    if given["threads"] is not None:
        torch.set_num_threads(given["threads"])
    chosen: dict[str, Any] = {name: given[name] for name in ("trusted", *CHOICES)}
    load = partial(Recommender.load, Path(given["run_folder"]), device=usable_device(given["device"]), **chosen)
    recommender = load()
    application = create_application(
        recommender, limits=limits, load=load, token=token, reload_seconds=given["reload_seconds"]
    )
    settings = recommender.run_settings
    about = f"{settings['model']} on {settings['dataset']}, {recommender.n_recommended:,} items"
    return application, about if token else f"{about}, read-only"


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
