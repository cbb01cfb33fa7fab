"""The network in PyTorch's own operations on a CPU too, as it is on a GPU: a compiler sees through these.

To torch.compile each of the kernels for CPUs is a place where it has to stop. The values are the same, but for which
elements dropout drops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from recbole_adasid.compute import layers


@contextmanager
def plain_operations() -> Iterator[None]:
    """Let PyTorch's own operations serve while the block runs."""
    with mock.patch.object(layers, "ours", lambda x: False):
        yield
