"""Computed stages kept on disk under a fingerprint of everything that determines them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

CACHE_VERSION = 1
"""Raise it when a stage computes something else from the same settings."""

Arrays = dict[str, np.ndarray]


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


class StageCache:
    """Store the arrays a stage computed and hand them back while its description stays the same.

    Files are written to a temporary name and renamed, so that a reader never sees half a file. A file that cannot be
    read is computed again. ``statuses`` tells, for every stage asked for, whether it was ``computed`` or ``reused``.

    Args:
        root: folder of the cache, made when needed; None keeps nothing.
    """

    def __init__(self, root: str | Path | None) -> None:
        self.root = None if root is None else Path(root)
        self.statuses: dict[str, str] = {}

    def arrays(self, stage: str, description: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of ``stage``, from disk if the same description was computed before."""
        path = self._path(stage, description)
        stored = None if path is None else _read(path)
        if stored is not None:
            self.statuses[stage] = "reused"
            return stored
        computed = compute()
        self.statuses[stage] = "computed"
        if path is not None:
            write_arrays(path, computed)
        return computed

    def unfinished(self, stage: str, description: Mapping[str, Any]) -> Path | None:
        """Return where a stage may keep what it has so far, or None if nothing is kept."""
        path = self._path(stage, description)
        return None if path is None else path.with_suffix(".unfinished.safetensors")

    def _path(self, stage: str, description: Mapping[str, Any]) -> Path | None:
        return None if self.root is None else self.root / stage / f"{fingerprint(description)}.npz"


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        # Missing or damaged: that costs a recomputation, never the run.
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write ``arrays`` to an .npz that appears under its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(stream.name, path)
