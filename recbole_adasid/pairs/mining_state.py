"""Pair mining in progress: partial sums over the finished portions, saved now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import torch
from scipy import sparse

from recbole_adasid.io.atomic import CannotWrite
from recbole_adasid.io.tensor_file import DamagedFile, read_tensors, write_tensors

logger = logging.getLogger(__name__)

KIND = "pair-mining-2"
SECONDS = 60.0
"""Minimum time between two saves; longer if writing takes more than a twentieth of it."""


class KeptMining:
    """Partial sums of Swing in one file, which belongs to one set of arguments.

    Args:
        path: the file.
        seconds: minimum time between two saves.
        clock: returns seconds.
    """

    def __init__(self, path: Path, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.seconds, self.clock = path, seconds, clock
        self.due = clock() + seconds

    def restore(self) -> tuple[int, list[sparse.csr_matrix]]:
        """Return the number of finished portions and their sums; 0 and none without an intact file."""
        try:
            tensors, about = read_tensors(self.path, KIND)
        except FileNotFoundError:
            return 0, []
        except DamagedFile as error:
            logger.warning("Restarting pair mining from the beginning: %s.", error)
            return 0, []
        return about["done"], [
            sparse.csr_matrix(tuple(tensors[f"{i}/{name}"].numpy() for name in _ARRAYS), shape=shape)
            for i, shape in enumerate(about["shapes"])
        ]

    def note(self, done: int, parts: list[sparse.csr_matrix]) -> None:
        """Save the sums if it is time; a full disk only causes a warning."""
        start = self.clock()
        if start < self.due:
            return
        tensors = {f"{i}/{name}": torch.from_numpy(getattr(m, name)) for i, m in enumerate(parts) for name in _ARRAYS}
        try:
            write_tensors(self.path, KIND, tensors, {"done": done, "shapes": [list(m.shape) for m in parts]})
        except CannotWrite as error:
            logger.warning("Pair mining continues without saving its state: %s.", error)
        self.due = self.clock() + max(self.seconds, 20 * (self.clock() - start))


_ARRAYS = ("data", "indices", "indptr")
