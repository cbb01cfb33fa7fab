"""Memory that is freed stays with the process, where training on a CPU needs it again a moment later."""

from __future__ import annotations

import ctypes
import os
import platform

# mallopt(3): the size from which on the system is asked for each array, and what may lie free at the heap's end.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST, _NEVER = 2**30, -1


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed instead of giving it back to the system; return whether it does.

    Left alone, it asks the system for every array beyond 32 MiB. That is memory which the system clears page by page
    when it is first touched, in each step anew: a third of TIGER's step at its paper's size. The process holds on to
    the most memory that it needed at any time, which is why only training calls this.

    Another C library is left alone, and so are settings in the environment (MALLOC_…, GLIBC_TUNABLES).
    """
    chosen = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if chosen or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _NEVER))
