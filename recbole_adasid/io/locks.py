"""One process at a time, by a file lock that is released when the process ends, however it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_adasid.io.atomic import CannotWrite

logger = logging.getLogger(__name__)


class InUse(ValueError):
    """Something is currently held by another process."""


@contextmanager
def held(path: Path, what: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of the file ``path``, created if needed, within the block.

    Args:
        path: its folder is created if needed; the empty file stays.
        what: name of what is held, for messages.
        wait: wait for another process to let go, or fail at once.

    Raises:
        InUse: if another process holds it and ``wait`` is False.
        CannotWrite: if the file cannot be created.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise InUse(f"{what} is in use by another process: wait for it to end or choose another") from None
            logger.info("Waiting for another process, which holds %s.", what)
            lock.acquire()
    except OSError as error:
        raise CannotWrite(f"cannot write {path} ({error.strerror or error}): choose another folder") from error
    try:
        yield
    finally:
        lock.release()
