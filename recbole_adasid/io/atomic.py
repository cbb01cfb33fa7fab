"""Files that appear whole or not at all, and one error for a disk that takes no more."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class CannotWrite(OSError):
    """A file that could not be written; what stood in its place before is intact."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a name to write a file under; flush it to disk and give it its own name when the block ends well.

    A reader, or a crash at any moment, finds the old file or the new one and never a part of it. The folder is made
    when needed.

    Raises:
        CannotWrite: if the disk is full or read-only, or the folder must not be written to.
    """
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield waiting
        with waiting.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(waiting, path)
        _flush_names(path.parent)
    except OSError as error:
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}); {_REMEDY}") from error
    finally:
        with suppress(OSError):  # the folder itself may be what is missing
            waiting.unlink()


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file and flush it to disk; half a line that a kill left there stays a line of its own.

    Raises:
        CannotWrite: if the disk takes no more.
    """
    try:
        with path.open("ab+") as stream:
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else f"\n{line}"
            stream.write(f"{line}\n".encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}): make room and start again") from error


def end_with(path: Path, lines: Sequence[str]) -> None:
    """Make a text file end with some lines, of which it may hold the first already, and flush it to disk.

    A line that a kill or a full disk cut off is gone on with where it ends, so that no part of one stays behind. No
    other process may write the file meanwhile.

    Raises:
        CannotWrite: if the disk takes no more; the same call goes on from there.
    """
    if not lines:
        return
    wanted = "".join(f"{line}\n" for line in lines).encode()
    try:
        with path.open("ab+") as stream:
            missing = _missing(stream, wanted)
            if missing:
                stream.write(missing)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}): make room") from error


def _missing(stream: BinaryIO, wanted: bytes) -> bytes:
    """Return what a file lacks to end with ``wanted``: what it holds of it already begins where a line does."""
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


def _flush_names(folder: Path) -> None:
    """Flush a folder to disk, where the system can, so that a file that got its name keeps it if the power fails."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes had begun to write for ``path``, and for files named like it but for their endings.

    Call it only where no other process writes them.
    """
    for begun in path.parent.glob(f".{path.stem}.*.tmp"):
        begun.unlink(missing_ok=True)


_NEWLINE = ord("\n")
_REMEDY = "what stood there before is intact: make room or choose another folder, and run the same command again"


def write_atomically(path: Path, content: str) -> Path:
    """Write UTF-8 text so that a reader, or a crash, sees the old file or the new one and never a part."""
    with written_whole(path) as waiting:
        waiting.write_bytes(content.encode("utf-8"))
    return path
