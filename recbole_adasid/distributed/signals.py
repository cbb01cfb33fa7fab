"""Signals that end a process: SIGTERM cleans up as Ctrl-C does, and libraries leave it alone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MISTAKE, STOPPED, TERMINATED = 2, 130, 143
"""Exit statuses: what the user can put right, Ctrl-C, SIGTERM. The latter two are what a shell makes of the signals."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: what cleans up after Ctrl-C does so after this, too."""


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
