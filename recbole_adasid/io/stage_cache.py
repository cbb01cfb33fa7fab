"""Computed stages stored on disk under a fingerprint of everything that determines them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_adasid.io.atomic import CannotWrite, remove_leftovers
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.io.locks import held
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, read_tensors, write_tensors

logger = logging.getLogger(__name__)

KIND = "stage"

Arrays = dict[str, np.ndarray]


class StageCache:
    """Stores a stage's arrays and returns them as long as its description is unchanged.

    Files are written to a temporary name and renamed, so a reader never sees a partial file. A file that is damaged, or
    belongs to another stage or description, is recomputed with a warning. ``statuses`` records, for every requested
    stage, whether it was ``computed`` or ``reused``.

    Args:
        root: folder of the cache, created if needed; None stores nothing.
    """

    def __init__(self, root: str | Path | None) -> None:
        self.root = None if root is None else Path(root)
        self.statuses: dict[str, str] = {}

    def arrays(self, stage: str, description: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of ``stage``, from disk if already computed for the same description.

        One process computes; others that want the same wait for it and read. If nothing can be written, the arrays are
        returned anyway, with a warning.
        """
        path = self._path(stage, description)
        stored = None if path is None else _read(path, stage)
        if stored is None:
            with _only_process(path, stage):
                stored = None if path is None else _read(path, stage, warn=False)  # finished by another process
                if stored is None:
                    self.statuses[stage] = "computed"
                    return _kept(path, stage, compute())
        self.statuses[stage] = "reused"
        return stored

    def has(self, stage: str, description: Mapping[str, Any]) -> bool:
        """Tell whether there is a file of ``stage`` for a description; it may be damaged."""
        path = self._path(stage, description)
        return path is not None and path.is_file()

    def unfinished(self, stage: str, description: Mapping[str, Any]) -> Path | None:
        """Return where a stage may save partial results, or None if nothing is stored."""
        path = self._path(stage, description)
        return None if path is None else path.with_suffix(".unfinished.safetensors")

    def _path(self, stage: str, description: Mapping[str, Any]) -> Path | None:
        return None if self.root is None else self.root / stage / f"{fingerprint(description)}.safetensors"


@contextmanager
def _only_process(path: Path | None, stage: str) -> Iterator[None]:
    with ExitStack() as stack:
        if path is not None:
            try:
                stack.enter_context(held(path.with_suffix(".lock"), f"the stage {stage} of the cache", wait=True))
                remove_leftovers(path)
            except CannotWrite as error:
                logger.warning("The stage %s will not be stored: %s.", stage, error)
        yield


def _kept(path: Path | None, stage: str, computed: Arrays) -> Arrays:
    """Write what was computed and return it; a full disk must not lose it."""
    if path is not None:
        try:
            _write(path, stage, computed)
        except CannotWrite as error:
            logger.warning("The stage %s could not be stored: %s.", stage, error)
    return computed


def _read(path: Path, stage: str, *, warn: bool = True) -> Arrays | None:
    try:
        tensors, about = read_tensors(path, KIND)
        if about != _about(path, stage):
            raise MismatchedFile(f"{path} belongs to another stage, other settings or other data")
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        # A damaged file costs a recomputation, never the run.
        if warn:
            logger.warning("Recomputing the stage %s: %s.", stage, error)
        return None
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _write(path: Path, stage: str, arrays: Arrays) -> None:
    own = {name: np.require(array, requirements=["C", "W"]) for name, array in arrays.items()}
    tensors = {name: torch.from_numpy(array) for name, array in own.items()}
    write_tensors(path, KIND, tensors, _about(path, stage))


def _about(path: Path, stage: str) -> dict[str, str]:
    return {"stage": stage, "fingerprint": path.stem}
