"""When a process of a job fails, all end soon, and its message is reported once per machine."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from recbole_adasid.io.one_line import first_line

FAILURE = "failure"
LOOK_EVERY = 1.0
"""Seconds between a waiting process's checks for failures elsewhere."""


class PeerFailed(ConnectionError):
    """Another process of the job failed or vanished.

    Attributes:
        told: whether another process on this machine already reports it.
    """

    def __init__(self, sentence: str, *, told: bool) -> None:
        super().__init__(sentence)
        self.told = told


class _Elsewhere(Exception):
    """Carries another process's traceback as the cause of a local error."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class FailureBoard:
    """Records which process of a job failed first, in the store through which they found each other.

    Args:
        store: a :class:`torch.distributed.Store`.
        rank: of this process.
        machine: number of this process's machine.
    """

    def __init__(self, store: Any, *, rank: int, machine: str) -> None:
        self.store, self.rank, self.machine = store, rank, machine

    def note(self, error: Exception) -> Exception:
        """Record an error that ends this process, and return the one to raise.

        That is the error itself if this process is the first to fail and to report it, otherwise a :class:`PeerFailed`.
        torchrun's report gets the message, too.
        """
        if isinstance(error, PeerFailed):
            return error
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        own = {"rank": self.rank, "sentence": f"{error}" or type(error).__name__, "traceback": trace}
        try:
            first = self._first(own)
            if first == own:
                _tell_torchrun(str(error))
            failed = self._peer_failed(first)
        except (RuntimeError, OSError):  # the store went down with the process that held it
            return error
        return error if first == own and not failed.told else failed

    def of_lost_peer(self, error: RuntimeError) -> PeerFailed:
        """Return the error for a failed exchange with the others, with its cause if known."""
        lost = f"another process of this job died or is not responding ({first_line(error, 200)})"
        way_on = "restart the job: it resumes from the last saved step or epoch"
        own = {"rank": None, "sentence": f"{lost}: {way_on}", "traceback": ""}
        try:
            is_set(self.store, FAILURE)  # a failing process records its error before it exits
            return self._peer_failed(self._first(own))
        except (RuntimeError, OSError):
            return PeerFailed(str(own["sentence"]), told=False)

    def check(self) -> None:
        """Do nothing unless another process recorded a failure.

        Raises:
            PeerFailed: if one did.
        """
        if self.store.check([FAILURE]):
            found = self._peer_failed(json.loads(self.store.get(FAILURE)))
            raise found from found.__cause__

    def _first(self, own: dict[str, Any]) -> dict[str, Any]:
        return json.loads(self.store.compare_set(FAILURE, "", json.dumps(own)))

    def _peer_failed(self, failure: dict[str, Any]) -> PeerFailed:
        told_by = self.store.compare_set(f"{FAILURE}/{self.machine}", "", str(self.rank)).decode()
        by = "" if failure["rank"] is None else f"rank {failure['rank']}: "
        found = PeerFailed(f"{by}{failure['sentence']}", told=told_by != str(self.rank))
        found.__cause__ = _Elsewhere(failure["traceback"]) if failure["traceback"] else None
        return found


def wait_for(store: Any, key: str, board: FailureBoard) -> None:
    """Wait until rank 0 sets ``key``, however long that takes, unless a process fails meanwhile.

    Raises:
        PeerFailed: if one does.
    """
    with noted_on(board):
        while not is_set(store, key):
            board.check()


@contextmanager
def noted_on(board: FailureBoard) -> Iterator[None]:
    """Within the block, report failed exchanges as failures of the other processes."""
    try:
        yield
    except RuntimeError as error:
        found = board.of_lost_peer(error)
        raise found from found.__cause__ or error


def is_set(store: Any, key: str, within: float = LOOK_EVERY) -> bool:
    """Return whether ``key`` gets set ``within`` some seconds.

    Polls at growing intervals: a waiting call of the store logs a warning on timeout.
    """
    pause, end = 0.0005, time.monotonic() + within
    while not store.check([key]):
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return True


def _tell_torchrun(sentence: str) -> None:
    """Store the message where torchrun looks for the error of a failed process."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        told = {"message": sentence, "extraInfo": {"timestamp": str(int(time.time()))}}
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": told}), encoding="utf-8")
