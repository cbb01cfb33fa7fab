"""`recbole-adasid serve`: serve a finished run over HTTP."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import DEVICE, NEW_ITEM_BIAS, RETRIEVAL, RUN_FOLDER, TRUSTED
from recbole_adasid.cli.shared.options import COUNT, NUMBER, SWITCH, Option, need, read_options
from recbole_adasid.server.limits import Limits

ABOUT = """\
Serves a finished run over HTTP (extra `serve`): recommendations, item search and, for clients with a token, adding
and removing items. / is a page for people, /docs lists the routes, /metrics is for Prometheus.

Concurrent requests are decoded in one batch. A request beyond a limit is refused: with 422 if it asks for too much,
with 503 and Retry-After if the server is busy.

Items that clients add or remove are written to the run folder before the response, as by `recbole-adasid items`;
changes by other processes are picked up. SIGTERM and Ctrl-C finish pending requests first.
"""
_LIMITS = Limits()
OPTIONS = (
    RUN_FOLDER,
    Option(
        "host", "ADDRESS", "address to listen on; 0.0.0.0: all interfaces (default: 127.0.0.1)", default="127.0.0.1"
    ),
    Option("port", "8000", "port; 0: any free one (default: 8000)", COUNT, 8000, least=0),
    Option(
        "token_file",
        "FILE",
        "file with the token that lets clients change items (default: RECBOLE_ADASID_TOKEN; without a token nobody "
        "can)",
    ),
    Option("reload_seconds", "2", "seconds between checks of the run folder for changes", NUMBER, 2.0, least=0.1),
    Option("log_requests", "true", "print a line for every request (default: false)", SWITCH, False),
    Option("threads", "N", "torch threads (default: one per core)", COUNT, least=1),
    DEVICE,
    RETRIEVAL,
    NEW_ITEM_BIAS,
    TRUSTED,
)


def _limit(name: str, about: str, kind: str = COUNT, least: float = 1) -> Option:
    default = getattr(_LIMITS, name)
    return Option(name, f"{default:g}" if kind == NUMBER else str(default), about, kind, default, least=least)


LIMITS = (
    _limit("max_batch", "histories per batch; 1: no batching"),
    _limit("max_wait_ms", "milliseconds to wait for more requests to join a batch", NUMBER, 0),
    _limit("queue", "histories waiting to be decoded"),
    _limit("timeout", "seconds for a request to arrive, and again to be answered", NUMBER, 0.1),
    _limit("max_histories", "histories per request"),
    _limit("max_length", "items per history"),
    _limit("max_k", "items to recommend per history"),
    _limit("max_items", "items added or removed per request"),
    _limit("max_body", "bytes per request"),
)


def _work(given: list[str]) -> None:
    values = read_options("serve", given, OPTIONS + LIMITS)
    need(values, (RUN_FOLDER,), "serve")
    from recbole_adasid.server.command import serve

    serve(values)


COMMAND = Command(
    name="serve",
    summary="serve a finished run over HTTP",
    usage=("--run_folder=runs/... [--host=0.0.0.0] [--port=8000] [--token_file=FILE]",),
    about=ABOUT,
    options={"options": OPTIONS, "limits, with their defaults": LIMITS},
    work=_work,
    resume_hint="all acknowledged changes are on disk",
    memory_hint="lower --max_batch or --max_k",
)
