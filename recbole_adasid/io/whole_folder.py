"""Folders that appear completely or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_adasid.io.atomic import flush_names, writing

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def check_new_folder(path: Path) -> None:
    """Check that a folder can be made at ``path``.

    Raises:
        FileExistsError: if there is a file, or a folder that is not empty.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists():
        raise FileExistsError(f"{path} exists and is not an empty folder: choose another one, or remove it")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder next to ``path`` to write to; flush its files to disk and rename it when the block succeeds.

    Raises:
        FileExistsError: if there is a file, or a folder that is not empty.
        CannotWrite: if the disk is full or read-only, or the folder cannot be created.
    """
    path = path.absolute()
    check_new_folder(path)
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with writing(path):
            waiting.mkdir(parents=True)
        with writing(path, numbers=_FULL):  # other errors of the block concern what it reads
            yield waiting
        with writing(path):
            _flush(waiting)
            if path.is_dir():
                path.rmdir()  # empty, as checked
            os.replace(waiting, path)
            flush_names(path.parent)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Flush a folder's files to disk, so that a power failure after the rename finds them complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        else:
            flush_names(path)
    flush_names(folder)
