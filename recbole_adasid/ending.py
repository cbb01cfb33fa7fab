"""How a command ends: in one sentence and an exit status, whatever ended it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

MISTAKE, STOPPED, TERMINATED = 2, 130, 143
"""Exit statuses: what the user can put right, Ctrl-C, SIGTERM. The latter two are what a shell makes of the signals."""
SPARE = "end other programs, or use a machine with more memory"
"""How to get by where no setting helps."""
_TOLD = (ValueError, FloatingPointError, ImportError, OSError)
"""Errors whose text is a sentence for the user; others are mistakes of this package, and keep their traceback."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: what cleans up after Ctrl-C does so after this, too."""


def ended(work: Callable[[], int | None], *, kept: str, spare: str) -> int:
    """Do some work and return the exit status; tell what ended it early, if anything did.

    Args:
        work: what the user can put right it raises as an error of one sentence; it may return a status of its own.
        kept: what becomes of what was done, and how to go on, for one who stopped the work or ran out of memory.
        spare: how to get by with less memory.
    """
    try:
        with heeding_sigterm():
            return work() or 0
    except Terminated:
        print(f"stopped by SIGTERM: {kept}", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print(f"\nstopped: {kept}", file=sys.stderr)
        return STOPPED
    except Exception as error:
        if is_out_of_memory(error):
            print(f"error: memory ran out: {spare}; {kept} ({_beginning(error)})", file=sys.stderr)
        elif not isinstance(error, _TOLD):
            raise
        elif not getattr(error, "told", False):  # by another process of the job
            print(f"error: {error}", file=sys.stderr)
        return MISTAKE


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that the machine, or the accelerator, has no memory left.

    Where libraries have no class of their own for it, their words tell: torch raises RuntimeError on CPUs
    ("DefaultCPUAllocator: can't allocate memory") and a kind of RuntimeError on GPUs ("CUDA out of memory").
    """
    if isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = ("out of memory", "allocate memory", "bad_alloc", "bad allocation", "failed to map segment")
    by_words = isinstance(error, (RuntimeError, ImportError))  # the latter where a library does not fit any more
    return by_words and any(said in str(error).lower() for said in words)


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """Raise :class:`Terminated` at SIGTERM for the length of the block; a second one ends the process at once.

    That is left alone where it has a meaning already: somebody else handles it or had it ignored, or torchrun started
    this process and ends it by SIGTERM when another one failed. Outside the main thread Python cannot handle signals.
    """
    ours = threading.current_thread() is threading.main_thread() and "TORCHELASTIC_RUN_ID" not in os.environ
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != owner:  # a process that was forked from this one
            os.kill(os.getpid(), number)
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def keeping_sigterm() -> Iterator[None]:
    """Give SIGTERM back, after the block, the meaning that it had before: some libraries take it when they start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # set from outside Python
            signal.signal(signal.SIGTERM, before)


def _beginning(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    said = lines[0].rpartition("err == 0. ")[2] if lines else ""  # before that torch names a line of its own code
    return said or type(error).__name__
