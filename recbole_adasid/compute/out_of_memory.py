"""Which errors mean that memory ran out."""

from __future__ import annotations

import errno


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
