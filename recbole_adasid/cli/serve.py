"""`recbole-adasid serve`: a finished run behind HTTP."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import DEVICE, RUN_FOLDER, TRUSTED
from recbole_adasid.cli.shared.options import COUNT, NUMBER, SWITCH, Option, need, read_options
from recbole_adasid.server.limits import Limits

ABOUT = """\
Serves a finished run over HTTP (extra `serve`): recommendations, the search of items, and, for clients with a token,
new and removed items. Open /docs for the routes, /metrics for Prometheus.

Histories of requests that arrive together are decoded together. A request beyond a limit is refused with a sentence:
422 if it asks for too much, 503 with Retry-After if the server is busy.

Items that clients add or remove are written to the run folder before the answer, as by `recbole-adasid items`; changes
that other processes make to the run folder are followed. SIGTERM and Ctrl-C let what has been asked be answered.
"""
_LIMITS = Limits()
OPTIONS = (
    RUN_FOLDER,
    Option("host", "ADDRESS", "where to listen; 0.0.0.0: on every interface (default: 127.0.0.1)", default="127.0.0.1"),
    Option("port", "8000", "port; 0: any free one (default: 8000)", COUNT, 8000, least=0),
    Option(
        "token_file",
        "FILE",
        "file with the token of clients that may change the items (default: from RECBOLE_ADASID_TOKEN; without a token "
        "nobody may)",
    ),
    Option("reload_seconds", "2", "how often to look for changes of the run folder", NUMBER, 2.0, least=0.1),
    Option("log_requests", "true", "print a line for every request (default: false)", SWITCH, False),
    Option("threads", "N", "torch threads (default: one per core)", COUNT, least=1),
    DEVICE,
    Option("retrieval", "NAME", "for LIGER: dense, generative or hybrid (default: the run's setting)"),
    TRUSTED,
)


def _limit(name: str, about: str, kind: str = COUNT, least: float = 1) -> Option:
    default = getattr(_LIMITS, name)
    return Option(name, f"{default:g}" if kind == NUMBER else str(default), about, kind, default, least=least)


LIMITS = (
    _limit("max_batch", "histories decoded together; 1: requests are decoded one by one"),
    _limit("max_wait_ms", "milliseconds that the first of them waits for others", NUMBER, 0),
    _limit("queue", "histories that may wait"),
    _limit("timeout", "seconds within which a request has to arrive, and then be answered", NUMBER, 0.1),
    _limit("max_histories", "histories in a request"),
    _limit("max_length", "items in a history"),
    _limit("max_k", "items to recommend after each history"),
    _limit("max_items", "items added or removed by a request"),
    _limit("max_body", "bytes of a request"),
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
    kept="items that clients were told to be added or removed are on disk",
    spare="lower --max_batch or --max_k",
)
