"""Files that execute something when they are unpickled, in every form that some library unpickles."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.marker,)


def _torch_file(value: Any, *, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save({"config": value, "state_dict": value}, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _numpy_file(value: Any, names: tuple[str, ...]) -> bytes:
    stream, objects = io.BytesIO(), np.array([value], dtype=object)
    if names:
        np.savez(stream, **dict.fromkeys(names, objects))
    else:
        np.save(stream, objects, allow_pickle=True)
    return stream.getvalue()


ARRAYS = ("item_id", "embedding", "trigger", "target", "codes", "rank", "user", "values")
FORMS: dict[str, Callable[[Any], bytes]] = {
    "pickle": pickle.dumps,
    "text pickle": lambda value: pickle.dumps(value, protocol=0),
    "torch": lambda value: _torch_file(value, zipped=True),
    "old torch": lambda value: _torch_file(value, zipped=False),
    "npy": lambda value: _numpy_file(value, ()),
    "npz": lambda value: _numpy_file(value, ARRAYS),
}


def planted(folder: Path, evil: bytes, name: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(evil)
    return folder / name
