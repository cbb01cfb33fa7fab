"""How a command ends: in one sentence and an exit status, whatever ended it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from recbole_adasid.compute.out_of_memory import is_out_of_memory
from recbole_adasid.distributed.signals import MISTAKE, STOPPED, TERMINATED, Terminated, heeding_sigterm

SPARE = "end other programs, or use a machine with more memory"
"""How to get by where no setting helps."""
_TOLD = (ValueError, FloatingPointError, ImportError, OSError)
"""Errors whose text is a sentence for the user; others are mistakes of this package, and keep their traceback."""


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


def _beginning(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    said = lines[0].rpartition("err == 0. ")[2] if lines else ""  # before that torch names a line of its own code
    return said or type(error).__name__
