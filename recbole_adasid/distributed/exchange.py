"""Python objects from rank 0 to the others: arrays and tensors travel as they lie in memory, the rest pickled.

Only the processes of one job exchange objects like this; nothing that comes from a file is unpickled.
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
"""Bytes in one transfer."""


class _Pickler(pickle.Pickler):
    """Hand tensors over as arrays, whose memory pickle leaves out of the stream."""

    def reducer_override(self, value: Any) -> Any:
        """Reduce a plain CPU tensor of a type that NumPy knows to the array that shares its memory."""
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
    """Return what rank 0 sends, arrays and tensors in memory of their own."""
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
    # A copy only where the memory must not be written to: torch has no tensors for reading alone.
    array = np.frombuffer(buffer, dtype=np.uint8)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _broadcast(part: Tensor) -> None:
    for piece in part.split(AT_ONCE):
        if len(piece):
            dist.broadcast(piece, 0)
