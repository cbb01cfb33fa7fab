"""Training data of a sequential model: histories and the item that followed each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbole_adasid.data.windows import SequenceWindows
from recbole_adasid.io.digests import array_digest


@dataclass(frozen=True)
class Examples:
    """Histories and their next items."""

    windows: SequenceWindows
    """E histories of item ids, 1 … N."""
    targets: NDArray[np.int64]
    """Item ids [E]."""

    def digest(self) -> str:
        """Return the digest of all histories and targets, in order."""
        windows = self.windows
        return array_digest(windows.flat_items, windows.starts, windows.lengths, self.targets)

    def batch(self, rows: NDArray[np.int64], longest: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the last ``longest`` items of histories ``rows`` [B, T], their lengths [B] and targets [B]."""
        lengths = np.minimum(self.windows.lengths[rows], longest)
        starts = self.windows.starts[rows] + self.windows.lengths[rows] - lengths
        recent = SequenceWindows(flat_items=self.windows.flat_items, starts=starts, lengths=lengths)
        history, lengths = recent.gather(np.arange(len(rows)))
        return torch.from_numpy(history), torch.from_numpy(lengths), torch.from_numpy(self.targets[rows])
