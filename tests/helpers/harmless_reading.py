"""What reading a file must not do: leave its folder, connect, exhaust memory, or fail with anything but our error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import recbole_adasid

PACKAGE = str(Path(recbole_adasid.__file__).parent)
MEMORY = 4 << 30
"""Bytes that a case may allocate on top."""
_WATCHED: list[Any] = []
_SEEN: list[str] = []
_CONNECTING = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec")
_WRITING = ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "shutil.rmtree")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Record what leaves the folder of a case."""
    if not _WATCHED or event not in ("open", *_CONNECTING, *_WRITING):
        return
    if event in _CONNECTING:
        _SEEN.append(f"{event} {arguments}")
        return
    if event == "open" and (
        not isinstance(arguments[0], (str, bytes, os.PathLike))
        or not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if not path.startswith(_WATCHED[0]) and not path.startswith(os.devnull):
        _SEEN.append(f"{event} {path}")


sys.addaudithook(_watch)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let large allocations fail, where the system supports limits."""
    resource = pytest.importorskip("resource")
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 1 << 40
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def passes_or_says_why(folder: Path, load: Callable[[], Any], case: str) -> bool:
    """Return whether a file was read; if not, check that it was refused with one of our errors."""
    _SEEN.clear()
    _WATCHED.append(os.path.realpath(folder))
    try:
        load()
        return True
    except (ValueError, FileNotFoundError) as error:
        raised_by = traceback.extract_tb(error.__traceback__)[-1]
        where = case + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert raised_by.filename.startswith(PACKAGE), where
        assert len(str(error)) > 20 and "\n" not in str(error).strip(), where
        return False
    except Exception as error:
        raise AssertionError(
            case + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        ) from None
    finally:
        _WATCHED.clear()
        assert not _SEEN, f"{case}: {_SEEN}"
