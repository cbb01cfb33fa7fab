"""Reading NumPy files without unpickling anything, with every error in one sentence."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.one_line import one_line

_MAGIC = {".npz": b"PK\3\4", ".npy": b"\x93NUMPY"}


def mapped_array(path: Path, *, saved_by: str) -> NDArray:
    """Memory-map the array of an `.npy`: its pages are loaded on access.

    `saved_by` is the call that would save it again.

    Raises:
        ValueError: if it is not an `.npy`, damaged, or holds Python objects.
    """
    with _readable(path, saved_by):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def load_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = (), *, saved_by: str) -> dict[str, NDArray]:
    """Return the arrays `names` of an `.npz`, and those of `optional` that exist; others are not read.

    Raises:
        ValueError: if it is not an `.npz`, damaged, lacks one of `names`, or holds Python objects.
    """
    with _readable(path, saved_by):
        check_archive(path)
        with np.load(path, allow_pickle=False) as stored:
            present = list(stored.files)
            found = {name: stored[name] for name in (*names, *optional) if name in present}
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"{path} has the arrays {present}: it also needs '{missing[0]}'.")
    return found


def check_archive(path: Path) -> None:
    """Check the declared array sizes of an `.npz` against what the file can hold, before allocating memory.

    Raises:
        ValueError: if an array declares more data than its file holds, or a file more than it can unpack to.
        zipfile.BadZipFile: if it is not an archive.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > _MOST_OF_ONE_BYTE * (member.compress_size + 1):
                raise ValueError(f"{member.filename} declares {member.file_size:,} bytes in {member.compress_size:,}")
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    _check_array(stream, member.filename, member.file_size)


def _check_array(stream: IO[bytes], name: str, size: int) -> None:
    """Check that a file of ``size`` bytes holds the elements that its array's header declares."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"{name} has NumPy format {version}")
    shape, _, kind = _HEADERS[version](stream)
    if any(extent < 0 for extent in shape):
        raise ValueError(f"{name} declares shape {shape}")
    if not kind.hasobject and math.prod(shape) * kind.itemsize > size:
        raise ValueError(f"{name} declares shape {shape} of {kind}, more than its {size:,} bytes")


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_MOST_OF_ONE_BYTE = 1100
"""Maximum bytes that one byte unpacks to: deflate reaches 1032."""


def as_tokens(path: Path, name: str, values: NDArray) -> list[str]:
    """Return an array [R] of item tokens, text or integers, as text.

    Raises:
        ValueError: if it has another shape or type, or bytes that are not UTF-8.
    """
    if values.ndim != 1 or values.dtype.kind not in "USiu":
        raise ValueError(
            f"{path}: {name} has the shape {values.shape} and the type {values.dtype}: save one text or whole number "
            "an item."
        )
    if values.dtype.kind != "S":
        return [str(value) for value in values.tolist()]
    try:
        return [value.decode("utf-8") for value in values.tolist()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: {name} holds bytes that are not UTF-8 ({error.reason}): save text.") from error


@contextmanager
def _readable(path: Path, saved_by: str) -> Iterator[None]:
    """Turn any error while reading a file into a sentence."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC[path.suffix])) != _MAGIC[path.suffix]:
            raise ValueError(f"{path} is not a {path.suffix} file: save it with {saved_by}.")
    try:
        yield
    except Exception as error:  # numpy, zipfile, zlib and ast each raise their own errors for damaged files
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise ValueError(
                f"{path} holds Python objects, which are not loaded for safety: save plain arrays of text and numbers."
            ) from error
        raise ValueError(
            f"{path} cannot be read ({one_line(error)}): it is truncated or damaged; save it again with {saved_by}."
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` to an .npz, readable by other programs; it appears under its name once complete."""
    with written_whole(path) as waiting, waiting.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Return the arrays ``names``, or all, from an .npz written by :func:`write_arrays`; nothing in it is unpickled.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not an .npz, damaged, lacks an array or holds Python objects.
    """
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names or stored.files}
        if not all(isinstance(values, np.ndarray) for values in arrays.values()):
            raise ValueError("it contains files other than arrays")
    except FileNotFoundError:
        raise
    except Exception as error:  # numpy, zipfile, zlib and ast each raise their own errors for damaged files
        wanted = ", ".join(names) or "plain arrays"
        raise ValueError(f"{path} is not an .npz of {wanted} ({one_line(error)}): create it again") from None
    return arrays
