"""Folders that appear completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_adasid.io.atomic import CannotWrite


def check_new_folder(path: Path) -> None:
    """Check that a folder can be made at ``path``.

    Raises:
        FileExistsError: if there is a file, or a folder that is not empty.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists():
        raise FileExistsError(f"{path} exists and is not an empty folder: choose another --out, or remove it")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder next to ``path`` to write to; rename it to ``path`` when the block succeeds.

    Raises:
        FileExistsError: if there is a file, or a folder that is not empty.
        CannotWrite: if the disk is full or read-only.
    """
    check_new_folder(path)
    waiting = path.absolute().with_name(f".{path.absolute().name}.{os.getpid()}.tmp")
    try:
        waiting.mkdir(parents=True)
        yield waiting
        _flush(waiting)
        if path.is_dir():
            path.rmdir()  # empty, as checked
        os.replace(waiting, path)
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path} ({error.strerror or error}): make room or choose another folder, and run the same "
            "command again"
        ) from error
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Flush a folder's files to disk, so that a power failure after the rename finds them complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
