"""Lines of raw files: gzip or plain, one at a time, with a progress bar; and what stands on a line."""

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
# A longer line is no record: it is passed over without being held.
_LONGEST = 1 << 22
_SHOW_EVERY = 4096


def read_lines(path: Path, *, progress: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of every line that is not blank; a line beyond 4 MiB comes as its beginning.

    A byte order mark at the beginning is skipped.

    Args:
        path: a text file, or one that gzip compressed, whatever its name.
        progress: show a bar of the bytes read, if there is a terminal.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a compressed file is cut off or damaged.
    """
    require_file(path)
    with path.open("rb") as file, _bar(path, progress) as bar:
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
    """Return the record on a line: a JSON object, or else a Python dict literal, which is read and never executed.

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
        raise Unusable("something else than a record")
    return record


def require_file(path: Path) -> None:
    """Check that a file is there.

    Raises:
        FileNotFoundError: if not.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: correct its name.")


def damaged(path: Path, error: Exception) -> ValueError:
    """Return the error for a file that cannot be read to its end."""
    return ValueError(f"{path} is cut off or damaged ({error}): download or compress it again.")


def _literal(text: str) -> Any:
    """Return the value of a Python literal, such as the lines of the 2014 metadata."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes within texts
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unusable("neither JSON nor a Python literal") from None


def _unpacked(file: io.BufferedReader) -> io.BufferedIOBase:
    compressed = file.peek(2)[:2] == _GZIP
    return io.BufferedReader(gzip.GzipFile(fileobj=file), _BUFFER) if compressed else file  # type: ignore[type-var]


def _whole_lines(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Yield lines; of one that is too long its beginning, without its end it will not parse."""
    while line := stream.readline(_LONGEST):
        rest = line
        while len(rest) == _LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST)
        yield line


def _bar(path: Path, progress: bool) -> tqdm:
    return tqdm(
        total=path.stat().st_size,
        desc=path.name,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=None if progress else True,
    )
