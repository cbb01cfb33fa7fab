"""Tensors and plain values in one safetensors file: written atomically, never executed, checked when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from recbole_adasid.io.atomic import written_whole
from recbole_adasid.io.checked_values import Form, record
from recbole_adasid.io.one_line import one_line

FORMAT_VERSION = 1
Value = TypeVar("Value")


class DamagedFile(ValueError):
    """A file that is not what it should be: truncated, modified, or of another kind or version."""


class MismatchedFile(DamagedFile):
    """An intact file of the right kind that belongs to something else: other data, settings or shapes."""


def write_tensors(path: Path, kind: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and plain values ``about`` them; a reader, or a crash, finds the old file or the new one.

    Args:
        path: file to write; its folder is created if needed.
        kind: what the file is, such as ``tokenizer-training``; reading rejects other kinds.

    Raises:
        CannotWrite: if the disk is full or not writable.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    metadata = {"kind": kind, "version": str(FORMAT_VERSION), "about": text, "digest": _digest(plain, text)}
    with written_whole(path) as waiting:
        try:
            save_file(plain, waiting, metadata=metadata)
        except SafetensorError as error:  # its way to say that the disk is full
            raise OSError(str(error)) from error


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and plain values written by :func:`write_tensors`.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is truncated, modified, or of another kind or version.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # Opening checks the sizes in the header against the file's, before anything is allocated.
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # the last: unknown types
        raise DamagedFile(
            f"{path} cannot be read as safetensors ({one_line(error)}): it is truncated or not a safetensors file"
        ) from None
    if metadata.get("kind") != kind:
        raise DamagedFile(f"{path} holds {metadata.get('kind', 'nothing of this package')!r}, expected {kind!r}")
    if metadata.get("version") != str(FORMAT_VERSION):
        raise DamagedFile(f"{path} has format {metadata.get('version')}, this version reads {FORMAT_VERSION}")
    about = metadata.get("about", "")
    if metadata.get("digest") != _digest(tensors, about):
        raise DamagedFile(f"{path} was modified after it was written (checksum mismatch)")
    return tensors, _values(path, about)


def _values(path: Path, text: str) -> dict[str, Any]:
    """Return a file's plain values, unvalidated: anybody can write a valid checksum."""
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} has invalid JSON metadata ({one_line(error)})") from None
    if not isinstance(about, dict):
        raise DamagedFile(f"{path} has no JSON object as metadata")
    return about


def check_about(
    path: Path, about: Mapping[str, Any], needed: Mapping[str, Form], known: Mapping[str, Form] | None = None
) -> None:
    """Check that a file's plain values have the names and forms that its reader relies on.

    Args:
        path: the file.
        about: its plain values.
        needed: forms of the required ones.
        known: forms of the optional ones.

    Raises:
        DamagedFile: naming the first invalid one.
    """
    try:
        record(needed, known)(about, "its metadata")
    except ValueError as error:
        raise DamagedFile(f"{path} cannot be used: {one_line(error)}") from None


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Check that all tensors hold finite numbers.

    Raises:
        DamagedFile: naming the first with NaN or infinite values.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise DamagedFile(f"{path} has NaN or infinite values in {name}")


def check_fit(path: Path, stored: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check that tensors read from ``path`` can replace the expected ones: same names, shapes and types.

    Raises:
        MismatchedFile: naming the first tensor that is missing, unexpected or different.
    """
    for name in (*expected, *stored):
        if name not in stored:
            difference = f"lacks the tensor {name}"
        elif name not in expected:
            difference = f"has an unexpected tensor {name}"
        elif (stored[name].shape, stored[name].dtype) != (expected[name].shape, expected[name].dtype):
            difference = f"has {name} as {_shown(stored[name])}, expected {_shown(expected[name])}"
        else:
            continue
        raise MismatchedFile(f"{path} {difference}")


def below(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the entries named ``prefix/…``, without the prefix."""
    return {name[len(prefix) + 1 :]: value for name, value in values.items() if name.startswith(f"{prefix}/")}


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        values = tensors[name]
        digest.update(f"{name}{values.dtype}{tuple(values.shape)}".encode())
        if values.numel():
            digest.update(values.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
