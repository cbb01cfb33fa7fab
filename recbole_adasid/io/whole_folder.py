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
def new_folder(path: Path, *, last: str | None = None) -> Iterator[Path]:
    """Yield a folder next to ``path`` to write to; flush its files to disk and rename it when the block succeeds.

    An empty folder that cannot be replaced, such as a mount point, gets the files one by one instead.

    Args:
        path: new or empty; may be a link to an empty folder.
        last: the file without which a reader refuses the folder; moved after the others.

    Raises:
        FileExistsError: if there is a file, or a folder that is not empty.
        CannotWrite: if the disk is full or read-only, or the folder cannot be created.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    check_new_folder(path)
    waiting = _waiting_place(path)
    try:
        with writing(path):
            shutil.rmtree(waiting, ignore_errors=True)  # left by a killed process that had the same number
            waiting.mkdir(parents=True)
        with writing(path, numbers=_FULL):  # other errors of the block concern what it reads
            yield waiting
        with writing(path):
            _flush(waiting)
            _put(waiting, path, last)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _waiting_place(path: Path) -> Path:
    """Return where to write: on the same disk as ``path``, and where a folder can be made."""
    stays = os.path.ismount(path) or path.is_dir() and not os.access(path.parent, os.W_OK)
    return (path if stays else path.parent) / f".{path.name}.{os.getpid()}.tmp"


def _put(waiting: Path, path: Path, last: str | None) -> None:
    """Rename a folder to ``path``, or move what is in it to the empty folder there if that has to stay."""
    if path.is_dir():
        shutil.copymode(path, waiting)
    if waiting.parent != path and _made_way(path):
        os.replace(waiting, path)
    else:
        for part in sorted(waiting.iterdir(), key=lambda part: (part.name == last, part.name)):
            shutil.move(part, path / part.name)
        flush_names(path)
    flush_names(path.parent)


def _made_way(path: Path) -> bool:
    """Remove an empty folder at ``path``, if there is one, and tell whether nothing is left."""
    try:
        if path.is_dir():
            path.rmdir()
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # filled by another process meanwhile
            raise
        return False
    return True


def _flush(folder: Path) -> None:
    """Flush a folder's files to disk, so that a power failure after the rename finds them complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        else:
            flush_names(path)
    flush_names(folder)
