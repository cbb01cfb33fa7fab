"""Training interactions as the stages before TIGER need them, in memory or in files.

Letters: I interactions, N items.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.baskets import Baskets, Limits, baskets_of
from recbole_adasid.io.digests import array_digest


class Interactions(Protocol):
    """Users and item rows of I interactions, each user's in chronological order."""

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users [I] and item rows [I], in memory."""

    def digest(self) -> str:
        """Return :func:`~recbole_adasid.io.digests.array_digest` of both arrays."""

    def counts(self, n_items: int) -> NDArray[np.int64]:
        """Return the number of interactions of each item [N]."""

    def baskets(self, n_items: int, limits: Limits) -> AbstractContextManager[Baskets]:
        """Return the input of Swing, valid inside the ``with`` block."""


class InteractionArrays(NamedTuple):
    """Interactions in memory."""

    users: NDArray[np.int64]
    """[I]"""
    items: NDArray[np.int64]
    """Item rows [I], from 0."""

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return users and item rows [I]."""
        return self.users, self.items

    def digest(self) -> str:
        """Return their digest, 32 hexadecimal digits."""
        return array_digest(self.users, self.items)

    def counts(self, n_items: int) -> NDArray[np.int64]:
        """Return the number of interactions of each item [N]."""
        return np.bincount(self.items, minlength=n_items)

    def baskets(self, n_items: int, limits: Limits) -> AbstractContextManager[Baskets]:
        """Return each user's items within limits."""
        return nullcontext(baskets_of(self.users, self.items, n_items, limits))
