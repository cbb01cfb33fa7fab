"""NumPy's files read without unpickling anything, whatever is wrong with them said in a sentence."""

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

_MAGIC = {".npz": b"PK\3\4", ".npy": b"\x93NUMPY"}


def mapped_array(path: Path, *, saved_by: str) -> NDArray:
    """Return the array of an `.npy` without reading it: its pages come into memory as they are looked at.

    `saved_by` is the call that would write it anew.

    Raises:
        ValueError: if it is no such file, damaged, or holds Python objects.
    """
    with _readable(path, saved_by):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def load_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = (), *, saved_by: str) -> dict[str, NDArray]:
    """Return the arrays `names` of an `.npz`, and those of `optional` that it has; others are not read.

    Raises:
        ValueError: if it is no such file, damaged, lacks one of `names`, or holds Python objects.
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
    """Check the sizes that the arrays of an `.npz` state against what the file can hold, before they get any memory.

    Raises:
        ValueError: if an array states a size that its file has not, or a file unpacks to more than it can.
        zipfile.BadZipFile: if it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > _MOST_OF_ONE_BYTE * (member.compress_size + 1):
                raise ValueError(f"{member.filename} states {member.file_size:,} bytes in {member.compress_size:,}")
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    _check_array(stream, member.filename, member.file_size)


def _check_array(stream: IO[bytes], name: str, size: int) -> None:
    """Check that an array in a file of ``size`` bytes has the elements that its header states."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"{name} is of NumPy's format {version}")
    shape, _, kind = _HEADERS[version](stream)
    if any(extent < 0 for extent in shape):
        raise ValueError(f"{name} states the shape {shape}")
    if not kind.hasobject and math.prod(shape) * kind.itemsize > size:
        raise ValueError(f"{name} states the shape {shape} of {kind}, which {size:,} bytes do not hold")


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_MOST_OF_ONE_BYTE = 1100
"""Bytes that a byte unpacks to: deflate reaches 1032."""


def as_tokens(path: Path, name: str, values: NDArray) -> list[str]:
    """Return an array [R] of item tokens, text or whole numbers, as text.

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
    """Turn whatever goes wrong while a file is read into a sentence."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC[path.suffix])) != _MAGIC[path.suffix]:
            raise ValueError(f"{path} is no {path.suffix} file: save it by {saved_by}.")
    try:
        yield
    except Exception as error:  # of a damaged file numpy, zipfile, zlib and ast each raise their own
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise ValueError(
                f"{path} holds Python objects, which are not loaded for safety: save plain arrays of text and numbers."
            ) from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{path} cannot be read ({reason}): it is truncated or damaged, save it anew by {saved_by}."
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` to an .npz, for other programs to read, that appears under its name when it is complete."""
    with written_whole(path) as waiting, waiting.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Return the arrays ``names``, or all, of an .npz that :func:`write_arrays` wrote; nothing in it is unpickled.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no .npz, damaged, lacks an array or holds Python objects.
    """
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names or stored.files}
        if not all(isinstance(values, np.ndarray) for values in arrays.values()):
            raise ValueError("it holds other files than arrays")
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged file numpy, zipfile, zlib and ast each raise their own
        reason = " ".join(str(error).split()) or type(error).__name__
        wanted = ", ".join(names) or "plain arrays"
        raise ValueError(f"{path} is no .npz of {wanted} ({reason}): make it again") from None
    return arrays
