"""Tensors and plain values in one safetensors file: written whole or not at all, never executed, checked when read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FORMAT_VERSION = 1


class DamagedFile(ValueError):
    """A file that is not what it should be: truncated, changed, of another kind or another version."""


def write_tensors(path: Path, kind: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and plain values ``about`` them; a reader, or a crash, finds the old file or the new one.

    Args:
        path: file to write; its folder is made when needed.
        kind: what the file is, such as ``tokenizer-training``; a file of another kind is refused when read.
    """
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    metadata = {"kind": kind, "version": str(FORMAT_VERSION), "about": text, "digest": _digest(plain, text)}
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(plain, waiting, metadata=metadata)
        with waiting.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(waiting, path)
    finally:
        waiting.unlink(missing_ok=True)


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the plain values that :func:`write_tensors` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is truncated, was changed, or is of another kind or version.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedFile(
            f"{path} cannot be read as safetensors ({error}): it is truncated or something else"
        ) from None
    if metadata.get("kind") != kind:
        raise DamagedFile(f"{path} holds {metadata.get('kind', 'nothing of this package')!r}, expected {kind!r}")
    if metadata.get("version") != str(FORMAT_VERSION):
        raise DamagedFile(f"{path} is of format {metadata.get('version')}, this version reads {FORMAT_VERSION}")
    if metadata.get("digest") != _digest(tensors, metadata["about"]):
        raise DamagedFile(f"{path} was changed after it was written: its checksum does not match")
    return tensors, json.loads(metadata["about"])


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        values = tensors[name]
        digest.update(f"{name}{values.dtype}{tuple(values.shape)}".encode())
        digest.update(values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b"")
    return digest.hexdigest()
