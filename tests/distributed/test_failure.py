"""A process fails, vanishes or hangs: all end soon, and the sentence is told once."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from recbole_adasid.distributed.failure import PeerFailed
from recbole_adasid.distributed.joining import joined
from recbole_adasid.distributed.world import world


def told(work: Any, timeout: float = 60) -> dict[str, Any]:
    """Do something with the other ranks and tell how it ended."""
    try:
        with joined(timedelta(seconds=timeout)):
            work()
    except Exception as error:
        own = not isinstance(error, PeerFailed)
        cause = str(error.__cause__)
        return {"error": str(error), "own": own, "told": getattr(error, "told", False), "cause": cause}
    return {}


def exchange() -> None:
    world().share(3).mean(torch.ones(()))


def one_fails() -> dict[str, Any]:
    def work() -> None:
        exchange()
        if world().rank == 1:
            raise ValueError("the cause is here")
        exchange()

    os.environ["TORCHELASTIC_ERROR_FILE"] = f"error-{os.environ['RANK']}.json"
    return told(work)


def test_an_error_of_one_rank_ends_all_with_its_sentence_told_once(ranks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = ranks(one_fails, 3).wait()
    assert found[1]["own"] or found[1]["told"]
    assert sum(not one["told"] for one in found) == 1
    for rank in (0, 2):
        assert found[rank]["error"] == "rank 1: the cause is here" and not found[rank]["own"]
        assert "ValueError: the cause is here" in found[rank]["cause"] and "in work" in found[rank]["cause"]
    (report,) = Path().glob("error-*.json")  # what torchrun shows at the end
    assert report.name == "error-1.json" and json.loads(report.read_text())["message"]["message"] == "the cause is here"


def all_fail() -> dict[str, Any]:
    def work() -> None:
        raise FloatingPointError("the loss became nan")

    return told(work)


def test_an_error_of_all_ranks_is_told_once(ranks):
    found = ranks(all_fail, 3).wait()
    assert sum(not one["told"] for one in found) == 1
    assert all(one["error"].endswith("the loss became nan") for one in found)


def main_fails() -> dict[str, Any]:
    def make() -> None:
        time.sleep(1.5)  # longer than between two looks
        raise ValueError("no features")

    return told(lambda: world().from_main(make))


def test_an_error_of_rank_0_at_work_reaches_those_that_wait(ranks):
    found = ranks(main_fails, 2).wait()
    assert [one["error"] for one in found] in (["no features", "rank 0: no features"],) or found[0]["told"]
    assert sum(not one["told"] for one in found) == 1


def one_is_killed() -> dict[str, Any]:
    def work() -> None:
        exchange()
        if world().rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        exchange()

    return told(work)


def test_a_killed_rank_ends_the_others_and_they_say_how_to_go_on(ranks):
    found = ranks(one_is_killed, 3).wait()
    assert found[1] is None and sum(not found[rank]["told"] for rank in (0, 2)) == 1
    for rank in (0, 2):
        assert found[rank]["error"].startswith("another process of this job died")
        assert "resumes from the last saved step or epoch" in found[rank]["error"]


def one_stops() -> dict[str, Any]:
    def work() -> None:
        exchange()
        if world().rank == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        exchange()

    return told(work, timeout=2)


def test_a_rank_that_does_not_answer_is_waited_for_no_longer_than_the_limit(ranks):
    started = ranks(one_stops, 2)
    started.processes[0].join(20)
    assert not started.processes[0].is_alive()
    started.processes[1].kill()
    assert "is not responding" in started.wait()[0]["error"]


def two_machines() -> dict[str, Any]:
    os.environ["GROUP_RANK"] = os.environ["RANK"]
    return one_fails()


def test_the_sentence_is_told_once_on_every_machine(ranks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = ranks(two_machines, 2).wait()
    assert [one["told"] for one in found] == [False, False]
