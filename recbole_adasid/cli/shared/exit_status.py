"""How a command ends: with one sentence and an exit status, whatever the cause."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable

from recbole_adasid.compute.out_of_memory import is_out_of_memory
from recbole_adasid.distributed.stop_signals import MISTAKE, STOPPED, TERMINATED, Terminated, heeding_sigterm

MORE_MEMORY = "close other programs, or use a machine with more memory"
"""Advice if no setting helps."""
NO_READER = 141
"""Exit status after SIGPIPE: the reader of the output, such as `head`, has closed it."""
_TOLD = (ValueError, FloatingPointError, ImportError, OSError)
"""Errors whose text is a sentence for the user; others are bugs of this package and keep their traceback."""


def ended(work: Callable[[], int | None], *, resume_hint: str, memory_hint: str) -> int:
    """Do some work and return the exit status; report what ended it early, if anything did.

    Args:
        work: may return a status; errors that the user can fix are raised with a one-sentence message.
        resume_hint: what is kept and how to resume, shown on interruption or when out of memory.
        memory_hint: how to use less memory.
    """
    try:
        with heeding_sigterm():
            return work() or 0
    except Terminated:
        print(f"stopped by SIGTERM: {resume_hint}", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print(f"\nstopped: {resume_hint}", file=sys.stderr)
        return STOPPED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and reader_is_gone():
            return NO_READER
        if is_out_of_memory(error):
            print(f"error: out of memory: {memory_hint}; {resume_hint} ({_beginning(error)})", file=sys.stderr)
        elif not isinstance(error, _TOLD):
            raise
        elif not getattr(error, "told", False):  # already reported by another process of the job
            print(f"error: {error}", file=sys.stderr)
        return MISTAKE


def reader_is_gone() -> bool:
    """Tell whether standard output is a pipe that its reader has closed; if so, discard further output."""
    try:
        sys.stdout.flush()
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))  # of a pipe: its reading end is closed
    except BrokenPipeError:
        gone = True
    except (AttributeError, OSError):  # standard output is no file, or the system has no poll
        gone = False
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return gone


def _beginning(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    said = lines[0].rpartition("err == 0. ")[2] if lines else ""  # torch puts a line of its own code before it
    return said or type(error).__name__
