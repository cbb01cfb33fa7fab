"""How a process joins the others of its job: torchrun tells it by environment variables, RecBole by an address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from recbole_adasid.distributed.failure import FailureBoard
from recbole_adasid.distributed.group import Group
from recbole_adasid.distributed.world import World, enter, world

ANSWER_WITHIN = timedelta(minutes=30)
"""How long an exchange waits for a process that is there and does not answer; one that ended is noticed at once."""


def launched() -> bool:
    """Tell whether torchrun, or another launcher that sets the same variables, started several processes."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def restarted() -> bool:
    """Tell whether torchrun started this process in the place of one that failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_rank() -> int:
    """Return the number of this process among those on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def joined(timeout: timedelta = ANSWER_WITHIN) -> Iterator[World]:
    """Work in the group of the processes that torchrun started, for the length of the block; alone if it started none.

    An error in the block is noted for the others, which end, too: see :class:`FailureBoard`. A group that was joined
    before is gone on with, and not left at the end.
    """
    if world().size > 1 or not launched():
        yield world()
        return
    group = join("env://", timeout=timeout)
    try:
        yield group
    except Exception as error:
        ending = group.board.note(error)
        if ending is error:
            raise
        raise ending from ending.__cause__ or error
    finally:
        leave()


def join(address: str, *, rank: int = -1, size: int = -1, timeout: timedelta = ANSWER_WITHIN) -> Group:
    """Join the group of ``size`` processes that meet at ``address``, and make it this process's world.

    Args:
        address: ``env://`` for what a launcher's variables say, or ``tcp://HOST:PORT`` with ``rank`` and ``size``.
        timeout: how long an exchange waits for an answer.

    Raises:
        PeerFailed: if the others do not come within ``timeout``.
    """
    store, rank, size = next(rendezvous(address, rank, size, timeout=timeout))
    store.set_timeout(timeout)
    both = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if both else "gloo",
        store=dist.PrefixStore("torch", store),
        rank=rank,
        world_size=size,
        timeout=timeout,
    )
    own = dist.PrefixStore("recbole_adasid", store)
    board = FailureBoard(own, rank=rank, machine=os.environ.get("GROUP_RANK", "0"))
    group = Group(store=own, board=board)
    enter(group)
    return group


def leave() -> None:
    """Leave the group and work alone."""
    enter(World())
    dist.destroy_process_group()
