"""Recognises out-of-memory errors."""

from __future__ import annotations

import errno


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that the machine or the accelerator ran out of memory.

    Libraries without an exception class for it are recognised by their message: torch raises RuntimeError on CPUs
    ("DefaultCPUAllocator: can't allocate memory") and a subclass on GPUs ("CUDA out of memory").
    """
    if isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = ("out of memory", "allocate memory", "bad_alloc", "bad allocation", "failed to map segment")
    by_words = isinstance(error, (RuntimeError, ImportError))  # ImportError if a library no longer fits
    return by_words and any(said in str(error).lower() for said in words)
