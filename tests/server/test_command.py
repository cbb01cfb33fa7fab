"""`recbole-adasid serve`: its settings, and a server process that is stopped or killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from forked import Program
from recbole_adasid.cli import main
from recbole_adasid.serving.recommender import Recommender

TOKEN = "0123456789abcdef"
SERVE = f"""
import os, sys
os.environ["RECBOLE_ADASID_TOKEN"] = "{TOKEN}"
from recbole_adasid.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--port=8000"], "serve needs --run_folder=FOLDER; see --help."),
        (["--run_folder=x", "--max_batch=0"], "max_batch=0 has to be a whole number of 1 or more."),
        (
            ["--run_folder=x", "--queue=10"],
            "queue=10 is smaller than max_histories=256: raise queue or lower max_histories.",
        ),
        (["--run_folder=x", "--max_wait_ms=soon"], "max_wait_ms='soon' has to be a number; see --help."),
    ],
)
def test_a_wrong_setting_is_refused(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {error}\n"


def test_without_the_extra_the_command_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve", "--run_folder=x"]) == 2
    assert capsys.readouterr().err.endswith(" pip install 'recbole-adasid[serve]'\n")


def test_a_run_or_an_address_that_there_is_not_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--run_folder=x", f"--port={port}"]) == 2
        assert f"cannot listen on 127.0.0.1, port {port} (Address already in use)" in capsys.readouterr().err
    assert main(["serve", "--run_folder=x", "--port=70000"]) == 2 and "port 70000" in capsys.readouterr().err
    assert main(["serve", f"--run_folder={tmp_path / 'none'}", "--port=0"]) == 2
    assert "There is no run folder" in capsys.readouterr().err
    assert main(["serve", "--run_folder=x", "--port=0", "--device=moon"]) == 2
    assert "device='moon' cannot be used here" in capsys.readouterr().err


def test_the_run_is_loaded_as_chosen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")

    def load(folder: Path, **chosen: object) -> None:
        raise ValueError(f"chosen: {sorted(chosen.items())}")

    monkeypatch.setattr(Recommender, "load", load)
    assert main(["serve", "--run_folder=x", "--port=0", "--retrieval=hybrid", "--new_item_bias=-0.5"]) == 2
    chosen = [("device", "cpu"), ("new_item_bias", -0.5), ("retrieval", "hybrid"), ("trusted", False)]
    assert f"chosen: {chosen}" in capsys.readouterr().err


@contextmanager
def served(folder: Path, told: Path, *options: str) -> Iterator[tuple[Program, str]]:
    """Serve a run folder in a process during the block; yield the process and its address."""
    program = Program(SERVE, told, "serve", f"--run_folder={folder}", "--port=0", *options)
    try:
        program.wait_for(lambda: "\n" in program.output)
        assert program.output.startswith("TIGER on tiny, ")
        yield program, program.output.split(": ", 1)[1].split()[0]
    finally:
        program.process.kill()
        program.wait()


def post(address: str, route: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(address + route, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_sigterm_lets_what_was_asked_be_answered(run_copy: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi")
    with served(run_copy, tmp_path / "told", "--max_wait_ms=500") as (program, address):
        found: list[Any] = []
        asking = [
            threading.Thread(target=lambda: found.append(post(address, "/recommend", {"history": ["i1"], "k": 2})))
            for _ in range(4)
        ]
        for one in asking:
            one.start()
        while b"queue_histories 4" not in urllib.request.urlopen(f"{address}/metrics").read():
            time.sleep(0.01)
        assert program.process.pid is not None
        os.kill(program.process.pid, signal.SIGTERM)
        for one in asking:
            one.join(20)
        assert len(found) == 4 and all(len(one["recommendations"]) == 2 for one in found)
        assert program.wait(20) == 0
        assert program.output.splitlines()[1:] == ["stopped; all pending requests were answered"]


def test_a_killed_server_loses_no_item_that_it_has_acknowledged(run_copy: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi")
    acknowledged: dict[str, list[int]] = {}
    with served(run_copy, tmp_path / "told") as (program, address):

        def add(client: int) -> None:
            for number in range(1000):
                like = (7 * client + number) % 20  # all over the tree, where there is room
                title = f"the {'red' if like % 2 else 'blue'} thing number i{like}"
                new = {"item": f"new-{client}-{number}", "title": title}
                try:
                    answer = post(address, "/items", {"items": [new], "bad_items": "skip"})
                except OSError:  # killed
                    return
                acknowledged.update({one["item"]: one["semantic_id"] for one in answer["items"]})

        adding = [threading.Thread(target=add, args=(client,)) for client in range(3)]
        for one in adding:
            one.start()
        while len(acknowledged) < 5 and any(one.is_alive() for one in adding):
            time.sleep(0.001)
        program.process.kill()
        for one in adding:
            one.join(20)
    saved = Recommender.load(run_copy)
    assert len(acknowledged) >= 5 and saved.semantic_ids(list(acknowledged)) == list(acknowledged.values())
    saved.remove_items(["i1"])
    saved.save()  # the folder can be changed again
