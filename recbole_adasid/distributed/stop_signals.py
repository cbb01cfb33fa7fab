"""Signals that end a process: SIGTERM cleans up like Ctrl-C, and libraries cannot take it over."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MISTAKE, STOPPED, TERMINATED = 2, 130, 143
"""Exit statuses: a user error, Ctrl-C, SIGTERM. The latter two are a shell's for these signals."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: whatever cleans up after Ctrl-C also does so for this."""


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """Raise :class:`Terminated` on SIGTERM within the block; a second one ends the process at once.

    SIGTERM is left alone if it already has a meaning: it is handled or ignored elsewhere, or torchrun started this
    process and ends it by SIGTERM when another one fails. Python handles signals only in the main thread.
    """
    ours = threading.current_thread() is threading.main_thread() and "TORCHELASTIC_RUN_ID" not in os.environ
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != owner:  # a fork of this process
            os.kill(os.getpid(), number)
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def keeping_sigterm() -> Iterator[None]:
    """Restore SIGTERM's previous handler after the block: some libraries replace it on start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # set from outside Python
            signal.signal(signal.SIGTERM, before)
