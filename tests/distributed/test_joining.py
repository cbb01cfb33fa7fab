"""How the processes of a job find each other, and only each other."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from torch.distributed import HashStore

from recbole_adasid.distributed.failure import PeerFailed
from recbole_adasid.distributed.joining import join, joined, launched, meet

SOON = timedelta(seconds=5)


def meeting(store: HashStore, size: int, late: int | None = None) -> dict[int, str]:
    found: dict[int, str] = {}

    def come(rank: int) -> None:
        time.sleep(0.2 if rank == late else 0)
        found[rank] = meet(store, rank, size, SOON)

    threads = [threading.Thread(target=come, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_processes_that_start_again_meet_each_other_and_not_those_before():
    store = HashStore()
    names = []
    for late in (None, 0, 2):  # what those before wrote is there when the late one comes
        found = meeting(store, 3, late)
        assert len(found) == 3 and len(set(found.values())) == 1
        names.append(found[0])
    assert len(set(names)) == 3


@pytest.mark.parametrize(("rank", "said"), [(0, "these ranks have not joined: 1, 2"), (1, "rank 0 has not joined")])
def test_who_does_not_come_is_waited_for_no_longer_than_the_limit(rank, said):
    with pytest.raises(RuntimeError, match=said):
        meet(HashStore(), rank, 3, timedelta(seconds=0.3))


def test_a_place_that_nobody_hosts_is_named_in_a_sentence():
    with pytest.raises(PeerFailed, match="rank 1 cannot reach the other processes of its job"):
        join("tcp://127.0.0.1:9", rank=1, size=2, timeout=timedelta(seconds=1))


@pytest.mark.parametrize("size", ["1", None])
def test_one_process_is_alone_even_under_torchrun(size, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size:
        monkeypatch.setenv("WORLD_SIZE", size)
    assert not launched()
    with joined() as world:
        assert world.size == 1
