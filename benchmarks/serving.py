"""Load test of `recbole-adasid serve` on loopback: with and without micro-batching, and with kills while adding items.

    python -m benchmarks.serving --out=results/serving

The run is made up: random codes and titles, and an untrained TIGER of the default size, which costs the same as a
trained one. Two servers of the same run take turns; clients send the next request once they have the answer to the last
one. Every answer is compared with that of `Recommender.recommend` for the same request alone. Then servers are killed
(SIGKILL) while clients add items, and every acknowledged item has to be in the run folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import Measurement
from benchmarks.new_items import WIDTH, write_run
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.serving.recommender import Recommendation, Recommender

TOKEN = "a-token-of-this-benchmark"
CLIENTS = (1, 8, 64)
SERVERS = {"micro-batched": (), "one by one": ("--max_batch=1", "--max_wait_ms=0")}
TARGET = 2.0
CLOSE = 1e-4
"""Batches may round differently: scores may differ by this much, and items with closer scores may change places."""


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve a run in a process during the block; yield the process and its port."""
    command = [sys.executable, "-m", "recbole_adasid", "serve", f"--run_folder={folder}", "--port=0", *options]
    environment = {**os.environ, "RECBOLE_ADASID_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline().split(" (")[0].rpartition(":")[2])
        finally:
            process.kill()


class Client:
    """One connection, with one request at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, route: str, body: Any) -> tuple[int, Any]:
        """Return the status and the body of an answer.

        Raises:
            OSError: if the server is gone.
        """
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        content = json.dumps(body).encode()
        head = f"POST {route} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        try:
            told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(told.split("content-length:")[1].split("\r\n")[0])
            return int(told.split()[1]), json.loads(await reader.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the server has gone") from error


def requests_of(tokens: Sequence[str], number: int) -> list[dict[str, Any]]:
    """Return distinct requests: histories of 1 to 40 items, and two sets of options."""
    draw = random.Random(0)
    return [
        {"history": draw.choices(tokens, k=draw.randint(1, 40)), "k": 10, "exclude_seen": one % 8 != 0}
        for one in range(number)
    ]


async def load(port: int, requests: Sequence[dict[str, Any]], clients: int) -> tuple[float, list[float], list[Any]]:
    """Send all requests from concurrent clients; return the total seconds, those of each request, and the answers."""
    spent, answers = [0.0] * len(requests), [None] * len(requests)
    left = iter(range(len(requests)))

    async def work() -> None:
        client = Client(port)
        for number in left:
            started = time.perf_counter()
            status, answer = await client.post("/recommend", requests[number])
            spent[number] = time.perf_counter() - started
            answers[number] = answer["recommendations"] if status == 200 else answer

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return time.perf_counter() - started, spent, answers


def as_alone(answer: Any, expected: Sequence[Recommendation]) -> bool:
    """Tell whether an answer equals that of the request alone."""
    if not isinstance(answer, list) or len(answer) != len(expected):
        return False
    scores = {one.item: one.score for one in expected}
    close = all(abs(one["score"] - other.score) < CLOSE for one, other in zip(answer, expected))
    known = [abs(one["score"] - scores[one["item"]]) < CLOSE for one in answer if one["item"] in scores]
    # The last one may have changed places with one beyond the list.
    return close and all(known) and len(known) >= len(answer) - 1


def measure(folder: Path, requests: Sequence[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Measure each server under each load, in alternating rounds."""
    alone = Recommender.load(folder)
    expected = [alone.recommend(**one) for one in requests]
    found = {(clients, name): [] for clients in CLIENTS for name in SERVERS}
    with served(folder, *SERVERS["micro-batched"]) as (_, first), served(folder, *SERVERS["one by one"]) as (_, second):
        ports = dict(zip(SERVERS, (first, second)))
        for number in range(rounds + 1):
            for clients, name in found:
                some = requests[: len(requests) if clients > 1 else len(requests) // 8]
                seconds, spent, answers = asyncio.run(load(ports[name], some, clients))
                wrong = sum(not as_alone(*pair) for pair in zip(answers, expected))
                if number:  # the first round warms up
                    found[clients, name].append((len(some) / seconds, spent, wrong))
    return [_summary(*key, results) for key, results in found.items()]


def _summary(clients: int, name: str, results: Sequence[tuple[float, list[float], int]]) -> dict[str, Any]:
    spent = [second for _, seconds, _ in results for second in seconds]
    p50, p99 = (1000 * float(np.quantile(spent, share)) for share in (0.5, 0.99))
    rate = statistics.median(rate for rate, _, _ in results)
    told = {"clients": clients, "decoding": name, "requests": len(spent), "p50": round(p50, 1), "p99": round(p99, 1)}
    return {**told, "per_second": round(rate, 1), "wrong": sum(wrong for _, _, wrong in results)}


async def add_until_killed(process: subprocess.Popen[str], port: int, seconds: float) -> dict[str, list[int]]:
    """Add items from four clients, kill the server after some seconds, and return what was acknowledged."""
    acknowledged: dict[str, list[int]] = {}
    draw = np.random.default_rng(0)

    async def work(name: int) -> None:
        client = Client(port)
        for number in range(10**6):
            body = {"items": [{"item": f"n{name}-{number}"}], "features": draw.normal(size=(1, WIDTH)).tolist()}
            try:
                status, answer = await client.post("/items", body)
            except OSError:
                return
            if status == 200:
                acknowledged.update((one["item"], one["semantic_id"]) for one in answer["items"])

    async def kill() -> None:
        while not acknowledged:
            await asyncio.sleep(0.001)
        await asyncio.sleep(seconds)
        process.kill()

    await asyncio.gather(kill(), *(work(name) for name in range(4)))
    return acknowledged


def kills(folder: Path, home: Path, number: int) -> dict[str, int]:
    """Kill servers while items are added; count the acknowledged items and those lost."""
    found = {"kills": number, "acknowledged": 0, "saved": 0, "lost": 0}
    for trial in range(number):
        copy = Path(shutil.copytree(folder, home / "copy"))
        with served(copy) as (process, port):
            acknowledged = asyncio.run(add_until_killed(process, port, random.Random(trial).random()))
        saved = Recommender.load(copy)
        there = [token for token in acknowledged if token in saved.live.numbers]
        kept = sum(acknowledged[token] == own for token, own in zip(there, saved.semantic_ids(there)))
        found["acknowledged"] += len(acknowledged)
        found["saved"] += len(saved.tokens) - saved.live.n_of_run
        found["lost"] += len(acknowledged) - kept
        shutil.rmtree(copy)
    return found


def page(measured: Sequence[dict[str, Any]], killed: dict[str, int], items: int, busy: float) -> str:
    """Return the page of results."""
    lines = [
        "# Serving under load",
        "",
        f"Written by `python -m benchmarks.serving`: a made-up run of {items:,} items, TIGER of the default size, on "
        f"{os.cpu_count()} cores with {os.environ.get('OMP_NUM_THREADS', 'all')} torch thread(s), the clients on the "
        f"same machine. Load average before the start: {busy:.1f}; above 0, other programs shared the machine, which "
        "makes times longer and less certain.",
        "",
        "| clients | decoding | requests | p50, ms | p99, ms | requests per second | answers unlike `recommend` |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(str(value) for value in one.values())} |" for one in measured]
    lines += [
        "",
        f"Servers killed while four clients added items, one per request: {killed['kills']}. Acknowledged items: "
        f"{killed['acknowledged']}; lost, or with another Semantic ID: {killed['lost']}. Items in the run folders: "
        f"{killed['saved']}, because some were saved without the acknowledgement getting through.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=256, help="different ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--out", type=Path, help="folder for README.md and measurements.json")
    arguments = parser.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary) / "run")
        write_run(folder, arguments.items)
        requests = requests_of(Recommender.load(folder.path).tokens, arguments.requests)
        measured = measure(folder.path, requests, arguments.rounds)
        killed = kills(folder.path, Path(temporary), arguments.kills)
    text = page(measured, killed, arguments.items, busy)
    print(text)
    together, alone = (one for one in measured if one["clients"] == max(CLIENTS))
    detail = f"p99 {together['p99']:.0f} ms against {alone['p99']:.0f} ms; {together['per_second']:.0f} requests/s"
    ratio = together["per_second"] / alone["per_second"]
    Measurement("64 clients, requests per second", "decoded one by one", ratio, TARGET, detail=detail).print()
    wrong = sum(one["wrong"] for one in measured) + killed["lost"]
    what = "answers mixed up, acknowledged items lost"
    Measurement(what, "none", wrong, 0, at_least=False, unit="").print()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "README.md").write_text(text, encoding="utf-8")
        content = json.dumps({"load": measured, "kills": killed}, indent=2) + "\n"
        (arguments.out / "measurements.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
