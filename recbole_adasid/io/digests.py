"""Digests: short strings that identify arrays, files and settings, and change whenever these do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

CACHE_VERSION = 2
"""Raise it when a stage's output changes for the same settings."""


def fingerprint(description: Mapping[str, Any]) -> str:
    """Return 32 hexadecimal digits that change whenever ``description`` (plain types) changes.

    Raises:
        TypeError: if a value is not of a plain type.
    """
    document = json.dumps({"cache_version": CACHE_VERSION, **description}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(document.encode()).hexdigest()[:32]


def array_digest(*arrays: np.ndarray) -> str:
    """Return 32 hexadecimal digits of the values, shapes and types of ``arrays``."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def digest_of_parts(length: int, *columns: Iterable[np.ndarray]) -> str:
    """Return :func:`array_digest` of columns int64 [``length``] given in parts."""
    digest = hashlib.sha256()
    for parts in columns:
        digest.update(f"{np.dtype(np.int64).str}{(length,)}".encode())
        for part in parts:
            digest.update(part.tobytes())
    return digest.hexdigest()[:32]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
