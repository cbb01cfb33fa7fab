"""What a softmax has to know of prefixes beside the decoder's states."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.network.tree_places import Places


class Standing(NamedTuple):
    """Where prefixes are in the history's Semantic IDs and in the catalogue's, as far as a softmax needs it."""

    known: Continuations | None = None
    """None: the softmax does not read the history."""
    places: Places | None = None
    """None: the softmax is over levels."""

    def after(self, level: int, codes: Tensor, parents: Tensor | None = None) -> Standing:
        """Return the standing of the prefixes extended by ``codes`` [B or 1, Q′] of ``level``.

        Args:
            parents: int64 [B or 1, Q′], which of the Q prefixes is extended; None: each one once.
        """
        return Standing(
            None if self.known is None else self.known.after(level, codes, parents),
            None if self.places is None else self.places.after(level, codes, parents),
        )
