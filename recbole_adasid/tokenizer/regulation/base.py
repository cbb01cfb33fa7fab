"""Interface of Semantic-ID overlap regulations, and the null regulation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from torch import Tensor

from recbole_adasid.settings.rules import Rule, arguments
from recbole_adasid.tokenizer.training.sampling import PairBatch


class ObjectiveWeights(NamedTuple):
    """Weights of the two pairwise terms at one training step (AdaSID Eq. 14)."""

    collision: float
    """λ_col, weight of the collision term."""
    collaborative: float
    """λ_cf, weight of the InfoNCE term."""


class CollisionTerm(NamedTuple):
    """A collision loss and the numbers worth logging about it."""

    loss: Tensor
    stats: dict[str, float]


class Regulation(ABC):
    """Decides which Semantic-ID overlaps of a batch are pushed apart, how hard, and when.

    Its own settings are in ``SETTINGS``, each with its validation rule.
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {}
    REMEDY: ClassVar[str] = "Raise its margins."
    """What to do if it never repels a pair."""
    EDITION: ClassVar[int] = 0
    """Raised when the same settings give other Semantic IDs than before: part of the fingerprint if not 0."""

    @classmethod  # noqa: B027 (most refuse nothing)
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError for settings that a new tokenizer must not have; saved ones may still have them."""

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Regulation:
        """Build the regulation from its own settings and ``collaborative_weight``."""
        given = {**arguments(cls.SETTINGS, settings), "collaborative_weight": settings["collaborative_weight"]}
        return cls(**given)

    @abstractmethod
    def collision(
        self, latent: Tensor, codes: Tensor, batch: PairBatch, features: Tensor | None = None
    ) -> CollisionTerm:
        """Return the collision term of a batch of M draws of U different items.

        Two draws of the same item never collide; draws of different items count as often as they were drawn. With
        several ranks, each sees the whole batch and returns the same value, whether it computes all pairs or only a
        part: see :class:`~recbole_adasid.distributed.world.World`.

        Args:
            latent: z [U, D], encoder outputs before quantisation.
            codes: int64 [U, L], the Semantic ID of each item.
            batch: how often each item was drawn, and which pairs.
            features: [U, d], scaled, if :attr:`compares_features`.
        """

    @property
    def compares_features(self) -> bool:
        """Whether :meth:`collision` needs the item features."""
        return False

    @property
    def aligns_pairs(self) -> bool:
        """Whether the collaborative term ever has weight; if not, a batch needs no pairs."""
        return True

    @abstractmethod
    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return the weights of the pairwise terms at ``step`` (0-based) of ``total_steps``."""


class NoRegulation(Regulation):
    """No overlap regulation; a constant collaborative weight (0 gives the plain autoencoder).

    Args:
        collaborative_weight: λ_cf, constant.
    """

    def __init__(self, *, collaborative_weight: float = 0.0) -> None:
        self.collaborative_weight = collaborative_weight

    def collision(
        self, latent: Tensor, codes: Tensor, batch: PairBatch, features: Tensor | None = None
    ) -> CollisionTerm:
        """Return a zero loss and no numbers."""
        return CollisionTerm(latent.new_zeros(()), {})

    @property
    def aligns_pairs(self) -> bool:
        """Whether λ_cf is above 0."""
        return self.collaborative_weight > 0

    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return λ_col = 0 and the constant λ_cf."""
        return ObjectiveWeights(collision=0.0, collaborative=self.collaborative_weight)


def per_depth(values: float | Sequence[float], length: int) -> list[float]:
    """Return one value for each overlap depth 1 … ``length``: a number applies to all depths; a list of another length
    is stretched over the depths, so that its last value applies to equal Semantic IDs.

    Raises:
        ValueError: for an empty list.
    """
    given = [float(values)] if isinstance(values, (int, float)) else [float(value) for value in values]
    if not given:
        raise ValueError("relaxation_thresholds and collision_margins need a value: give a number or one per depth")
    if length == 1:
        return given[-1:]
    places = np.linspace(0, len(given) - 1, length)
    return np.interp(places, np.arange(len(given)), given).tolist()
