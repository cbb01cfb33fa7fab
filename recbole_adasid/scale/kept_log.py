"""Sorted logs that are kept for later runs, and for the other processes of a job."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from recbole_adasid.cache import fingerprint
from recbole_adasid.locks import held
from recbole_adasid.scale.log_files import log_paths
from recbole_adasid.scale.log_filters import Fits
from recbole_adasid.scale.sorted_log import LogSorting, SortedLog
from recbole_adasid.writing import CannotWrite

logger = logging.getLogger(__name__)

STAGE = "log"
_EDITION = 1
"""Raise it when the same log is sorted otherwise, or the files mean something else."""
_READ_AT_ONCE = 2**24


class NothingLeft(ValueError):
    """A log of which filters leave no interaction."""


@dataclass(frozen=True)
class LogRequest:
    """A log, and how it is wanted."""

    where: Path
    """A file, or a folder of files; see :func:`~recbole_adasid.scale.log_files.log_paths`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What user_id, item_id and timestamp are called."""
    intervals: Mapping[str, str] = field(default_factory=dict)
    """Numbers of interactions of ``users`` and ``items`` that may stay, in words: two that differ keep others."""
    fits: Mapping[str, Fits] = field(default_factory=dict)
    """The same as tests."""
    repeated: str | None = None
    """Which of a user's interactions with one item is kept; None: all."""
    memory: float = 1.0
    """GiB for reading and sorting; changes nothing in the result."""
    progress: bool = False

    def describe(self) -> dict[str, Any]:
        """Return what the sorted log depends on, contents of the files included."""
        files = [[path.suffix, _digest_of_file(path, self.progress)] for path in log_paths(self.where)]
        wanted = {"columns": dict(self.columns), "intervals": dict(self.intervals), "repeated": self.repeated}
        return {"sorted_log": _EDITION, "files": files, **wanted}

    def sort(self, folder: Path) -> Path:
        """Sort the log and return the folder within ``folder`` that holds it; ``folder`` is there and empty.

        Raises:
            NothingLeft: if filters leave nothing.
            CannotWrite: if the disk takes no more.
        """
        work, out = folder / "work", folder / "out"
        try:
            work.mkdir()
            out.mkdir()
            sorting = LogSorting(
                work, fits=self.fits, repeated=self.repeated, memory=self.memory, progress=self.progress
            )
            if not sorting.sort(self.where, self.columns, out):
                raise NothingLeft(f"filters leave nothing of {self.where}")
            for path in out.iterdir():
                with path.open("rb+") as stream:
                    os.fsync(stream.fileno())
        except OSError as error:
            if isinstance(error, (CannotWrite, FileNotFoundError)):
                raise
            raise CannotWrite(f"cannot write {folder} ({error.strerror or error}): make room") from error
        shutil.rmtree(work)
        return out


def kept_log(request: LogRequest, root: Path | None) -> SortedLog:
    """Return a sorted log, from disk if the same one was sorted before; one process sorts, others wait for it.

    Args:
        request: what is wanted.
        root: of the cache; None: a temporary folder, removed when this process ends.

    Raises:
        NothingLeft: if filters leave nothing.
        ValueError: if the log has no interaction, or a row that cannot be used.
        CannotWrite: if the disk takes no more.
    """
    if root is None:
        folder = Path(tempfile.mkdtemp(prefix="log-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return SortedLog.open(request.sort(folder))
    path = root / STAGE / fingerprint(request.describe())
    if (found := _whole(path)) is None:
        with held(path.with_suffix(".lock"), f"the stage {STAGE} of the cache", wait=True):
            if (found := _whole(path)) is None:  # meanwhile, by the one waited for
                _sort_into(path, request)
                found = SortedLog.open(path)
    return found


def _sort_into(path: Path, request: LogRequest) -> None:
    """Sort under another name first: a folder that has its own is whole."""
    begun = path.with_suffix(".begun")
    for leftover in (begun, path):
        shutil.rmtree(leftover, ignore_errors=True)
    begun.mkdir()
    try:
        os.replace(request.sort(begun), path)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _whole(path: Path) -> SortedLog | None:
    if not path.is_dir():
        return None
    try:
        return SortedLog.open(path)
    except (OSError, ValueError, KeyError) as error:
        logger.warning("The stage %s is sorted again: %s is damaged (%s).", STAGE, path, error)
        return None


def _digest_of_file(path: Path, progress: bool) -> str:
    digest = hashlib.sha256()
    with (
        path.open("rb") as file,
        tqdm(desc=f"looking at {path.name}", unit="B", unit_scale=True, disable=not progress, delay=2) as bar,
    ):
        while block := file.read(_READ_AT_ONCE):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()
