"""One process at a time, by a lock on a file that ends with the process, however that ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_adasid.io.atomic import CannotWrite

logger = logging.getLogger(__name__)


class InUse(ValueError):
    """Something that another process holds at the moment."""


@contextmanager
def held(path: Path, what: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of the file ``path``, made when needed, for the length of the block.

    Args:
        path: its folder is made when needed; the file stays, empty.
        what: names what is held, for messages.
        wait: wait for another process to let go, or refuse at once.

    Raises:
        InUse: if another process holds it and ``wait`` is False.
        CannotWrite: if the file cannot be made.
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
