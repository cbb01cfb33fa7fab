"""How the codewords of each level are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.tokenizer.quality import entropy


@dataclass(frozen=True)
class LevelUsage:
    """One level of K codewords."""

    level: int
    """From 1."""
    loads: NDArray[np.int64]
    """Items of each codeword, most first [K]."""
    perplexity: float

    @property
    def size(self) -> int:
        """K."""
        return len(self.loads)

    @property
    def top1_load(self) -> float:
        """Share of the items on the most used codeword."""
        return float(self.loads[0] / self.loads.sum())

    @property
    def dead(self) -> int:
        """Number of codewords without items."""
        return int((self.loads == 0).sum())


def code_usage(codes: NDArray[np.int64], level_sizes: Sequence[int]) -> list[LevelUsage]:
    """Return the usage of each level.

    Args:
        codes: [N, L].
        level_sizes: K of each level.
    """
    found = []
    for level, size in enumerate(level_sizes):
        counts = np.bincount(codes[:, level], minlength=size)
        found.append(LevelUsage(level + 1, np.sort(counts)[::-1], float(np.exp(entropy(counts)))))
    return found
