"""Files that appear whole or not at all, and one error for a disk that takes no more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
    except OSError as error:
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}); {_REMEDY}") from error
    finally:
        with suppress(OSError):  # the folder itself may be what is missing
            waiting.unlink()


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes had begun to write for ``path``, and for files named like it but for their endings.

    Call it only where no other process writes them.
    """
    for begun in path.parent.glob(f".{path.stem}.*.tmp"):
        begun.unlink(missing_ok=True)


_REMEDY = "what stood there before is intact: make room or choose another folder, and run the same command again"
