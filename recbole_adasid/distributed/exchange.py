"""Python objects from rank 0 to the others: arrays and tensors are sent as raw memory, the rest pickled.

Objects are exchanged like this only between processes of one job; nothing from a file is unpickled.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

AT_ONCE = 2**30
"""Bytes per transfer."""


class _Pickler(pickle.Pickler):
    """Pickles tensors as arrays, whose memory is sent outside the pickle stream."""

    def reducer_override(self, value: Any) -> Any:
        """Reduce a plain CPU tensor of a NumPy type to the array that shares its memory."""
        if type(value) is Tensor and value.device.type == "cpu" and value.dtype != torch.bfloat16:
            return torch.from_numpy, (value.detach().contiguous().numpy(),)
        return NotImplemented


def send(value: Any) -> None:
    """Broadcast ``value`` from rank 0."""
    stream, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    parts = [_bytes(stream.getbuffer()), *(_bytes(buffer.raw()) for buffer in buffers)]
    dist.broadcast(torch.tensor([len(parts)]), 0)
    dist.broadcast(torch.tensor([len(part) for part in parts]), 0)
    for part in parts:
        _broadcast(part)


def receive() -> Any:
    """Return what rank 0 sends; arrays and tensors own their memory."""
    count = torch.empty(1, dtype=torch.int64)
    dist.broadcast(count, 0)
    sizes = torch.empty(int(count), dtype=torch.int64)
    dist.broadcast(sizes, 0)
    parts = [torch.empty(size, dtype=torch.uint8) for size in sizes.tolist()]
    for part in parts:
        _broadcast(part)
    stream, *buffers = (part.numpy().data for part in parts)
    return pickle.loads(stream, buffers=buffers)


def _bytes(buffer: memoryview) -> Tensor:
    # Copied only if the memory is read-only, which torch does not support.
    array = np.frombuffer(buffer, dtype=np.uint8)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _broadcast(part: Tensor) -> None:
    for piece in part.split(AT_ONCE):
        if len(piece):
            dist.broadcast(piece, 0)
