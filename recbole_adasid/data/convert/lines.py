"""Lines of raw files: gzip or plain, one at a time, with a progress bar; and parsing a line."""

from __future__ import annotations

import ast
import gzip
import io
import json
import warnings
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from recbole_adasid.data.convert.counting import Unusable

_GZIP = b"\x1f\x8b"
_BUFFER = 1 << 18
# A longer line is not a record: it is skipped without being held in memory.
_LONGEST = 1 << 22
_SHOW_EVERY = 4096


def read_lines(path: Path, *, progress: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield the number and bytes of every non-blank line; a line beyond 4 MiB is truncated.

    A byte order mark at the beginning is skipped.

    Args:
        path: a text file, plain or gzip, whatever its name.
        progress: show a bar of the bytes read on a terminal.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a compressed file is truncated or damaged.
    """
    require_file(path)
    with path.open("rb") as file, byte_bar(path.name, path.stat().st_size, progress=progress) as bar:
        stream = _unpacked(file)
        try:
            for number, line in enumerate(_whole_lines(stream), start=1):
                if number % _SHOW_EVERY == 0:
                    bar.update(file.tell() - bar.n)
                if number == 1:
                    line = line[len(BOM_UTF8) * line.startswith(BOM_UTF8) :]
                if line and not line.isspace():
                    yield number, line
        except (EOFError, zlib.error, OSError) as error:
            raise damaged(path, error) from None
        bar.update(file.tell() - bar.n)


def parse_record(line: bytes) -> dict[str, Any]:
    """Return the record on a line: a JSON object, or a Python dict literal, which is parsed and never executed.

    Raises:
        Unusable: if the line is neither.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Unusable("bytes that are not UTF-8") from None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = _literal(text)
    if not isinstance(record, dict):
        raise Unusable("something other than a record")
    return record


def require_file(path: Path) -> None:
    """Check that a file exists.

    Raises:
        FileNotFoundError: if it does not.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: correct the path.")


def damaged(path: Path, error: Exception) -> ValueError:
    """Return the error for a file that cannot be read to the end."""
    return ValueError(f"{path} is truncated or damaged ({error}): download or compress it again.")


def _literal(text: str) -> Any:
    """Return the value of a Python literal, such as the lines of the 2014 metadata."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes in strings
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unusable("neither JSON nor a Python literal") from None


def _unpacked(file: io.BufferedReader) -> io.BufferedIOBase:
    compressed = file.peek(2)[:2] == _GZIP
    return io.BufferedReader(gzip.GzipFile(fileobj=file), _BUFFER) if compressed else file  # type: ignore[type-var]


def _whole_lines(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Yield lines; one that is too long is truncated, and will not parse."""
    while line := stream.readline(_LONGEST):
        rest = line
        while len(rest) == _LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST)
        yield line


def byte_bar(name: str, total: int | None, *, progress: bool, initial: int = 0) -> tqdm:
    """Return a bar of bytes, shown only on a terminal."""
    scale: dict[str, Any] = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    return tqdm(desc=name, total=total, initial=initial, disable=None if progress else True, **scale)
