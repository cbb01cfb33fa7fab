"""Which errors say that memory ran out."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Tell by the words: torch raises RuntimeError on CPUs and a class of its own, a RuntimeError too, on GPUs."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in ("out of memory", "allocate memory"))
