"""Keeps freed memory in the process, where CPU training needs it again a moment later."""

from __future__ import annotations

import ctypes
import os
import platform

# mallopt(3): the size from which each array is requested from the system, and the free memory kept at the heap's end.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST, _NEVER = 2**30, -1


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory instead of returning it to the system; return whether it does.

    By default it requests every array beyond 32 MiB from the system, which clears the pages on first touch, again in
    each step: a third of TIGER's step at its paper's size. The process then holds on to its peak memory, which is why
    only training calls this.

    Does nothing with another C library or with settings in the environment (MALLOC_…, GLIBC_TUNABLES).
    """
    chosen = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if chosen or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _NEVER))
