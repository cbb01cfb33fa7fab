"""Kill `recbole-adasid items` at random moments, and limit file sizes: are changes atomic and correctly reported?

    python -m benchmarks.chaos_new_items --kills=40 --out=results/chaos

A kill is a SIGKILL: half of them at any moment of the work, half while the change is saved, from the moment its file
starts to be written. Processes are forked from one that has loaded everything, so kills hit the work and not the
loading of libraries. A limit caps the file size, as if the disk were full from there on. After each, the run's items
must be either the old or the new ones, and repeating the command must succeed, with the new items, each logged once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recbole_adasid.cli.items import COMMAND
from recbole_adasid.plugin.run import run
from recbole_adasid.serving.recommender import Recommender

ITEMS = 300
SETTINGS = {
    **{"dataset": "ml-100k", "tokenizer": "rqkmeans", "model_size": "tiny", "MAX_ITEM_LIST_LENGTH": 3, "beam_size": 10},
    **{"epochs": 1, "eval_step": 0, "user_inter_num_interval": "[500,inf)", "show_progress": False},
    "text_fields": ["movie_title"],
}
EARLIER = json.dumps({"action": "earlier", "items": [f"old{number}" for number in range(3000)]}) + "\n"
"""What the log holds before: larger than the file of changes, so that some limits hit the log alone."""
ACTIONS = ("add", "remove")
MOMENTS = ("anywhere", "while it is kept")


def main() -> None:
    """Kill and limit, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="of each action")
    parser.add_argument("--limits", type=int, default=20, help="of each action")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        settings = {**SETTINGS, "run_folder": str(home / "run"), "cache_dir": str(home / "cache")}
        trials = Trials(run(settings)["run_folder"], home)
        found = []
        for action in ACTIONS:
            trials.prepare(action)
            for number in range(arguments.kills):
                found.append(trials.kill(action, MOMENTS[number % 2], seed=number))
                print(json.dumps(found[-1]), flush=True)
            for number in range(arguments.limits):
                found.append(trials.limit(action, number / (arguments.limits - 1)))
                print(json.dumps(found[-1]), flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(one) + "\n" for one in found)
    (arguments.out / "new-items.jsonl").write_text(lines, encoding="utf-8")
    (arguments.out / "new-items.md").write_text(report(found), encoding="utf-8")


class Trials:
    """What is tried on copies of one run.

    Args:
        run_folder: of the run.
        home: folder for the copies.
    """

    def __init__(self, run_folder: Path, home: Path) -> None:
        self.run_folder, self.home, self.before = run_folder, home, state(run_folder)
        recommender = Recommender.load(run_folder)
        self.named = {"add": [f"new{number}" for number in range(ITEMS)], "remove": recommender.tokens[:ITEMS]}
        titles = [recommender.labels[token].title or "a title" for token in recommender.tokens]
        rows = [f"{token}\t{titles[row % len(titles)]}\n" for row, token in enumerate(self.named["add"])]
        self._table("add").write_text("item_id:token\tmovie_title:token\n" + "".join(rows), encoding="utf-8")
        self._table("remove").write_text("\n".join(self.named["remove"]), encoding="utf-8")
        self.after: dict[str, Any] = {}
        self.lengths: dict[tuple[str, str], float] = {}

    def prepare(self, action: str) -> None:
        """Do an action undisturbed: what it leaves, and how long the command and the keeping take."""
        for _ in range(2):  # the first one is slower
            copy, begun = self._copy(), time.monotonic()
            process = self._started(action, copy)
            kept = wait_for_keeping(process, copy)
            if os.waitpid(process, 0)[1]:
                raise SystemExit(f"{action} fails undisturbed: {self._command(action, copy)}")
            ended = time.monotonic()
            self.lengths[action, MOMENTS[0]], self.lengths[action, MOMENTS[1]] = ended - begun, ended - kept
            self.after[action] = state(copy)
            shutil.rmtree(copy)

    def kill(self, action: str, when: str, *, seed: int) -> dict[str, Any]:
        """Kill an action at a moment and do it again."""
        moments, killed = random.Random(f"{action} {seed}"), False
        while not killed:  # it may be over before
            copy, share = self._copy(), moments.random() ** (1 if when == MOMENTS[0] else 3)
            process = self._started(action, copy)
            if when == MOMENTS[1]:
                wait_for_keeping(process, copy)
            moment = share * self.lengths[action, when]
            time.sleep(moment)
            os.kill(process, signal.SIGKILL)
            killed = os.WIFSIGNALED(os.waitpid(process, 0)[1])
            if not killed:
                shutil.rmtree(copy)
        told = {"trial": "kill", "action": action, "when": when, "seconds": round(moment, 4)}
        return {**told, **self._judged(action, copy)}

    def limit(self, action: str, share: float) -> dict[str, Any]:
        """Let an action write files up to a share of the size that they reach, and do it again."""
        copy, most = self._copy(), int(share * 2 * len(EARLIER))

        def limited() -> int:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            return self._command(action, copy)

        status = os.WEXITSTATUS(os.waitpid(forked(limited), 0)[1])
        found = self._judged(action, copy)
        true = found["kept"] == (status == 0) and status in (0, 2)
        told = {"trial": "limit", "action": action, "bytes": most, "status": status}
        return {**told, **found, "right": found["right"] and true}

    def _judged(self, action: str, copy: Path) -> dict[str, Any]:
        """Look at what was left, do the action once more, and look again."""
        left = state(copy)
        log = copy / "new-items.jsonl"
        unlogged = left == self.after[action] and log.read_bytes().count(b"\n") == 1
        for begun in copy.glob(".*.tmp"):
            os.utime(begun, (0, 0))  # as if the action were done again after the hour for which others' files are kept
        status = os.WEXITSTATUS(os.waitpid(self._started(action, copy), 0)[1])
        entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        named = [item for entry in entries if entry["action"] == action for item in entry["items"]]
        whole = left in (self.before, self.after[action])
        again = status == 0 and state(copy) == self.after[action] and named == self.named[action]
        litter = [path.name for path in copy.glob(".*.tmp")]
        shutil.rmtree(copy)
        kept = left == self.after[action]
        return {"kept": kept, "log_completed": unlogged, "right": whole and again and not litter}

    def _copy(self) -> Path:
        copy = Path(shutil.copytree(self.run_folder, self.home / "copy"))
        (copy / "new-items.jsonl").write_text(EARLIER, encoding="utf-8")
        return copy

    def _table(self, action: str) -> Path:
        return self.home / ("new.item" if action == "add" else "gone.txt")

    def _started(self, action: str, copy: Path) -> int:
        return forked(lambda: self._command(action, copy))

    def _command(self, action: str, copy: Path) -> int:
        return COMMAND.main([action, f"--run_folder={copy}", f"--items={self._table(action)}"])


def state(run_folder: Path) -> tuple[Any, ...]:
    """Return the items, their Semantic IDs and which are recommended."""
    recommender = Recommender.load(run_folder)
    tokens = list(recommender.tokens)
    return tokens, recommender.semantic_ids(tokens), recommender._live.recommended.tolist()


def forked(work: Callable[[], int]) -> int:
    """Do some work silently in a process of its own; return its number."""
    process = os.fork()
    if process:
        return process
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    status = 70
    try:
        status = work()
    finally:
        os._exit(status)


def wait_for_keeping(process: int, copy: Path) -> float:
    """Wait until the file of changes begins to appear, and return the time."""
    while not any(copy.glob("*new-items.safetensors*")) and not any(copy.glob(".new-items.safetensors*")):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    return time.monotonic()


def report(found: list[dict[str, Any]]) -> str:
    """Return the page about it."""
    lines = [
        "# Changes of a catalogue that were killed, or had no room",
        "",
        f"Written by `python -m benchmarks.chaos_new_items`: {ITEMS} items into and out of a small run on ml-100k.",
        "",
        "| what was done | action | trials | not made | kept | of these, logged by the next command | right |",
        "|---|---|---|---|---|---|---|",
    ]
    kinds = [("killed anywhere", "kill", MOMENTS[0]), ("killed while it is kept", "kill", MOMENTS[1])]
    for title, trial, when in [*kinds, ("files limited in size", "limit", None)]:
        for action in ACTIONS:
            chosen = [one for one in found if (one["trial"], one["action"], one.get("when")) == (trial, action, when)]
            counts = [len(chosen), sum(not one["kept"] for one in chosen)]
            counts += [sum(one[key] for one in chosen) for key in ("kept", "log_completed", "right")]
            lines.append(f"| {title} | {action} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join([*lines, "", *report_meaning()]) + "\n"


def report_meaning() -> list[str]:
    """Return what the columns mean."""
    return [
        "Right: the items were those of before or of afterwards, the command said which (a limit; a killed one says",
        "nothing), and the same command once more ended well, with the items of afterwards, each once in the log.",
    ]


if __name__ == "__main__":
    sys.exit(main())
