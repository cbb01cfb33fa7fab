"""Pair mining in the middle: the sums over the portions that are done, kept on disk now and then."""

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
"""Between two times that the sums are written; more where writing them takes more than a twentieth of that."""


class KeptMining:
    """Partial sums of Swing in one file; the file belongs to one set of arguments.

    Args:
        path: of the file.
        seconds: at least so many between two times it is written.
        clock: tells seconds.
    """

    def __init__(self, path: Path, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.seconds, self.clock = path, seconds, clock
        self.due = clock() + seconds

    def restore(self) -> tuple[int, list[sparse.csr_matrix]]:
        """Return how many portions are done and the sums over them; 0 and none where there is no whole file."""
        try:
            tensors, about = read_tensors(self.path, KIND)
        except FileNotFoundError:
            return 0, []
        except DamagedFile as error:
            logger.warning("Item pairs are mined from the beginning: %s.", error)
            return 0, []
        return about["done"], [
            sparse.csr_matrix(tuple(tensors[f"{i}/{name}"].numpy() for name in _ARRAYS), shape=shape)
            for i, shape in enumerate(about["shapes"])
        ]

    def note(self, done: int, parts: list[sparse.csr_matrix]) -> None:
        """Write the sums if it is time to; a disk that takes no more costs a warning."""
        start = self.clock()
        if start < self.due:
            return
        tensors = {f"{i}/{name}": torch.from_numpy(getattr(m, name)) for i, m in enumerate(parts) for name in _ARRAYS}
        try:
            write_tensors(self.path, KIND, tensors, {"done": done, "shapes": [list(m.shape) for m in parts]})
        except CannotWrite as error:
            logger.warning("Item pairs are mined without being kept: %s.", error)
        self.due = self.clock() + max(self.seconds, 20 * (self.clock() - start))


_ARRAYS = ("data", "indices", "indptr")
