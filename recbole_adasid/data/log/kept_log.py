"""Sorted logs stored for later runs and for other processes of a job."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from recbole_adasid.data.log.log_files import log_paths
from recbole_adasid.data.log.log_filters import Fits
from recbole_adasid.data.log.sorted_log import LogSorting, SortedLog
from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.io.locks import held

logger = logging.getLogger(__name__)

STAGE = "log"
_EDITION = 3
"""Raise it when sorting changes or the files change their meaning."""
_READ_AT_ONCE = 2**24


class NothingLeft(ValueError):
    """Filters leave no interaction of the log."""


@dataclass(frozen=True)
class LogRequest:
    """A log and how to sort it."""

    where: Path
    """A file, or a folder of files; see :func:`~recbole_adasid.data.log.log_files.log_paths`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the user_id, item_id and timestamp columns."""
    intervals: Mapping[str, str] = field(default_factory=dict)
    """Accepted numbers of interactions of ``users`` and ``items``, as text; part of the fingerprint."""
    fits: Mapping[str, Fits] = field(default_factory=dict)
    """The same as predicates."""
    repeated: str | None = None
    """Which of a user's repeated interactions with an item is kept; None: all."""
    key: str = "columns"
    """The setting for ``columns``, used in messages."""
    memory: float = 1.0
    """GiB for reading and sorting; does not affect the result."""
    progress: bool = False

    def files(self) -> list[list[Any]]:
        """Return the kinds and digests of the log's files, in order.

        Raises:
            FileNotFoundError, SettingsError: as :func:`~recbole_adasid.data.log.log_files.log_paths`.
            ValueError: if one cannot be read.
        """
        return [[path.suffix.lower(), _digest_of_file(path, self.progress)] for path in log_paths(self.where)]

    def description(self, files: list[list[Any]]) -> dict[str, Any]:
        """Return everything the sorted log depends on."""
        wanted = {"columns": dict(self.columns), "intervals": dict(self.intervals), "repeated": self.repeated}
        return {"sorted_log": _EDITION, "files": files, **wanted}

    def sort(self, folder: Path) -> Path:
        """Sort the log and return its folder within ``folder``, which exists and is empty.

        Raises:
            NothingLeft: if filters leave no interaction.
            ValueError: if the log has no interaction or an unusable row, or changes meanwhile.
            CannotWrite: if the disk is full or not writable.
        """
        work, out, before = folder / "work", folder / "out", self.look()
        try:
            work.mkdir()
            out.mkdir()
            sorting = LogSorting(
                work, fits=self.fits, repeated=self.repeated, memory=self.memory, progress=self.progress
            )
            some = sorting.sort(self.where, self.columns, out, self.key)
            for path in out.iterdir():
                with path.open("rb+") as stream:
                    os.fsync(stream.fileno())
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CannotWrite(f"cannot write {folder} ({error.strerror or error}): free disk space") from error
        self.refuse_changes(before)
        if not some:
            raise NothingLeft(f"filters leave no interaction of {self.where}")
        shutil.rmtree(work)
        return out

    def look(self) -> list[tuple[str, int, int]]:
        """Return names, sizes and modification times of the log's files."""
        found = ((path, path.stat()) for path in log_paths(self.where))
        return [(path.name, about.st_size, about.st_mtime_ns) for path, about in found]

    def refuse_changes(self, before: list[tuple[str, int, int]]) -> None:
        """Check that the files have not changed.

        Raises:
            ValueError: if they have.
        """
        if self.look() != before:
            raise ValueError(f"{self.where} changed while it was being read: start again once it is complete.")


def kept_log(request: LogRequest, root: Path | None) -> SortedLog:
    """Return a sorted log, from disk if already sorted; one process sorts, others wait for it.

    Args:
        request: the log and how to sort it.
        root: of the cache; None: a temporary folder, removed when the log is no longer used.

    Raises:
        FileNotFoundError: if there is no such log.
        SettingsError: if it has an unsupported file or a column is unknown.
        NothingLeft: if filters leave no interaction.
        ValueError: if the log has no interaction or an unusable row, or changes meanwhile.
        CannotWrite: if the disk is full or not writable.
    """
    if root is None:
        return _temporary(request)
    before = request.look()
    path = root / STAGE / fingerprint(request.description(request.files()))
    if (found := _whole(path)) is not None:
        return found
    with ExitStack() as stack:
        try:
            stack.enter_context(held(path.with_suffix(".lock"), f"the stage {STAGE} of the cache", wait=True))
        except CannotWrite as error:
            logger.warning("The stage %s could not be stored: %s.", STAGE, error)
            return _temporary(request)
        if (found := _whole(path, warn=False)) is None:  # finished meanwhile by the process we waited for
            request.refuse_changes(before)  # the fingerprint must match what gets sorted
            _sort_into(path, request)
            found = SortedLog.open(path)
    return found


def _temporary(request: LogRequest) -> SortedLog:
    folder = Path(tempfile.mkdtemp(prefix="log-"))
    try:
        log = SortedLog.open(request.sort(folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(log, shutil.rmtree, folder, ignore_errors=True)
    return log


def _sort_into(path: Path, request: LogRequest) -> None:
    """Sort under a temporary name first: a folder with the final name is complete."""
    begun = path.with_suffix(".begun")
    for leftover in (begun, path):
        shutil.rmtree(leftover, ignore_errors=True)
    begun.mkdir()
    try:
        os.replace(request.sort(begun), path)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _whole(path: Path, *, warn: bool = True) -> SortedLog | None:
    if not path.is_dir():
        return None
    try:
        return SortedLog.open(path)
    except (OSError, ValueError, KeyError) as error:
        if warn:
            logger.warning("Repeating the stage %s: %s is damaged (%s).", STAGE, path, error)
        return None


def _digest_of_file(path: Path, progress: bool) -> str:
    digest = hashlib.sha256()
    bar = tqdm(desc=f"looking at {path.name}", unit="B", unit_scale=True, disable=not progress, delay=2)
    try:
        with bar, path.open("rb") as file:
            while block := file.read(_READ_AT_ONCE):
                digest.update(block)
                bar.update(len(block))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror or error}): make it readable or name another."
        ) from None
    return digest.hexdigest()
