"""Files that appear completely or not at all, and one error for a full or read-only disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_REMEDY = "free disk space or choose another folder, and run the same command again"


class CannotWrite(OSError):
    """A file could not be written; its previous content is intact."""


@contextmanager
def writing(path: Path, remedy: str = _REMEDY, numbers: Sequence[int] | None = None) -> Iterator[None]:
    """Turn errors of writing, those with one of ``numbers`` or all, into one sentence.

    Raises:
        CannotWrite: naming the path, the reason and the remedy.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, CannotWrite) or numbers is not None and error.errno not in numbers:
            raise
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}): {remedy}") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; flush the file to disk and rename it when the block succeeds.

    A reader, or a crash at any moment, finds the old file or the new one, never a part of it. The folder is created if
    needed. Whatever writes the file, it has the permissions that the system gives new files.

    Raises:
        CannotWrite: if the disk is full or read-only, or the folder is not writable.
    """
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting.unlink(missing_ok=True)  # it could be a link, in a folder that someone else packed
        mode = _created(waiting)
        yield waiting
        os.chmod(waiting, mode)  # safetensors lets only the owner read what it writes
        with waiting.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(waiting, path)
        flush_names(path.parent)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path} ({error.strerror or error}); the previous file is intact: {_REMEDY}"
        ) from error
    finally:
        with suppress(OSError):  # the folder itself may be missing
            waiting.unlink()


def check_writable(path: Path) -> None:
    """Check, before long work, that a file or folder can be created at ``path``; its parent folder is made.

    Raises:
        CannotWrite: if the disk is read-only, or the parent cannot be made or written.
    """
    trial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial.unlink(missing_ok=True)
        _created(trial)
        trial.unlink()
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path} ({error.strerror or error}): free disk space or choose another folder"
        ) from error


def _created(path: Path) -> int:
    """Create an empty file where there is none, and return its permissions."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Return a stamp that changes whenever a file is replaced; None if there is no such file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file and flush it to disk; a partial line left by a kill stays separate.

    Raises:
        CannotWrite: if the disk is full or not writable.
    """
    with writing(path, "free disk space and start again"), path.open("ab+") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            line = line if stream.read(1) == b"\n" else f"\n{line}"
        stream.write(f"{line}\n".encode())
        stream.flush()
        os.fsync(stream.fileno())


def end_with(path: Path, lines: Sequence[str]) -> None:
    """Make a text file end with the given lines, of which it may already hold the first ones, and flush it to disk.

    A line cut off by a kill or a full disk is completed where it ends, so no partial line remains. No other process may
    write the file meanwhile.

    Raises:
        CannotWrite: if the disk is full or not writable; repeat the call to resume.
    """
    if not lines:
        return
    wanted = "".join(f"{line}\n" for line in lines).encode()
    with writing(path, "free disk space"), path.open("ab+") as stream:
        missing = _missing(stream, wanted)
        if missing:
            stream.write(missing)
            stream.flush()
            os.fsync(stream.fileno())


def absent_lines(path: Path, lines: Sequence[str]) -> list[str]:
    """Return those of the given lines that do not occur anywhere in a text file; all if it cannot be read."""
    absent = dict.fromkeys(lines)
    if not absent:
        return []
    with suppress(OSError), path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                absent.pop(line[:-1].decode(errors="replace"), None)
    return list(absent)


def _missing(stream: BinaryIO, wanted: bytes) -> bytes:
    """Return what a file lacks to end with ``wanted``; a part it already holds starts at the beginning of a line."""
    size = stream.seek(0, os.SEEK_END)
    begin = max(0, size - len(wanted) - 1)
    stream.seek(begin)
    tail = stream.read()
    starts = [] if begin else [0]
    starts += [place + 1 for place, byte in enumerate(tail) if byte == _NEWLINE]
    for start in starts:
        if wanted.startswith(tail[start:]):
            return wanted[len(tail) - start :]
    return b"\n" + wanted


def flush_names(folder: Path) -> None:
    """Flush a folder to disk, if the system can, so that a rename survives a power failure."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed processes left for ``path``, or for files that differ only in their suffix.

    Call it only while no other process writes them.
    """
    for begun in path.parent.glob(f".{path.stem}.*.tmp"):
        begun.unlink(missing_ok=True)


_NEWLINE = ord("\n")


def write_atomically(path: Path, content: str) -> Path:
    """Write UTF-8 text so that a reader, or a crash, sees the old file or the new one, never a part."""
    with written_whole(path) as waiting:
        waiting.write_bytes(content.encode("utf-8"))
    return path
