"""How a process joins its job: via torchrun's environment variables, or via an address from RecBole."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from recbole_adasid.distributed.failure import FailureBoard, PeerFailed, is_set
from recbole_adasid.distributed.group import Group
from recbole_adasid.distributed.world import World, enter, world
from recbole_adasid.io.one_line import first_line

ANSWER_WITHIN = timedelta(minutes=30)
"""How long an exchange waits for a live process that does not answer; a dead one is noticed at once."""


def launched() -> bool:
    """Tell whether several processes were started, by torchrun or a launcher that sets the same variables."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def restarted() -> bool:
    """Tell whether torchrun started this process to replace a failed one."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_rank() -> int:
    """Return this process's number on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def joined(timeout: timedelta = ANSWER_WITHIN) -> Iterator[World]:
    """Work in the group of the processes that torchrun started, within the block; alone if it started none.

    An error in the block is recorded for the others, which end, too: see :class:`FailureBoard`. A group joined earlier
    is reused, and not left at the end.
    """
    if world().size > 1 or not launched():
        yield world()
        return
    group, ended_well = join("env://", timeout=timeout), False
    try:
        yield group
        ended_well = True
    except Exception as error:
        ending = group.board.note(error)
        if ending is error:
            raise
        raise ending from ending.__cause__ or error
    finally:
        leave(ended_well=ended_well)


def join(address: str, *, rank: int = -1, size: int = -1, timeout: timedelta = ANSWER_WITHIN) -> Group:
    """Join the group of ``size`` processes at ``address`` and make it this process's world.

    Args:
        address: ``env://`` to use a launcher's variables, or ``tcp://HOST:PORT`` with ``rank`` and ``size``.
        timeout: how long an exchange waits for an answer.

    Raises:
        PeerFailed: if the others do not arrive within ``timeout``.
    """
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        store, rank, size = next(rendezvous(address, rank, size, timeout=timeout))
        store = dist.PrefixStore(meet(store, rank, size, timeout), store)
        of_torch = dist.PrefixStore("torch", store)
        dist.init_process_group(backend, store=of_torch, rank=rank, world_size=size, timeout=timeout)
    except RuntimeError as error:
        raise PeerFailed(
            f"rank {rank} cannot reach the other processes of its job ({first_line(error, 200)}): check that all of "
            "them start, and that GLOO_SOCKET_IFNAME names a network interface that connects them",
            told=False,
        ) from error
    board = FailureBoard(store, rank=rank, machine=os.environ.get("GROUP_RANK", "0"))
    group = Group(store=store, board=board)
    enter(group)
    return group


def meet(store: Any, rank: int, size: int, timeout: timedelta) -> str:
    """Wait for all ranks and return a name unique to this job's processes.

    torchrun's store outlives processes: after a restart it still holds entries of earlier ones, from addresses to
    failures. So every rank announces itself under a name of its own, and rank 0 answers to that name.

    Raises:
        RuntimeError: if they do not all arrive within ``timeout``.
    """
    end, own = time.monotonic() + timeout.total_seconds(), uuid.uuid4().hex
    if rank > 0:
        store.set(f"hello/{rank}", own)
        if not is_set(store, f"welcome/{own}", timeout.total_seconds()):
            raise RuntimeError("rank 0 has not joined")
        job = store.get(f"welcome/{own}").decode()
        store.set(f"here/{job}/{rank}", "")
        return job
    missing = set(range(1, size))
    while missing:
        for other in sorted(missing):
            if store.check([f"hello/{other}"]):
                store.set(f"welcome/{store.get(f'hello/{other}').decode()}", own)
        missing = {other for other in missing if not is_set(store, f"here/{own}/{other}", 0.05)}
        if missing and time.monotonic() > end:
            raise RuntimeError(f"these ranks have not joined: {', '.join(map(str, sorted(missing)))}")
    return own


def leave(*, ended_well: bool = True) -> None:
    """Leave the group and work alone. If the job failed, NCCL is not shut down, as it might hang."""
    enter(World())
    if ended_well or "nccl" not in dist.get_backend_config():
        dist.destroy_process_group()
