"""QuaSID's Hamming-guided margin repulsion with valid-pair masking (arXiv 2603.00632)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world
from recbole_adasid.settings.rules import Rule, real, whole
from recbole_adasid.tokenizer.regulation.base import CollisionTerm, ObjectiveWeights, Regulation
from recbole_adasid.tokenizer.regulation.hinge import hinge_sum
from recbole_adasid.tokenizer.regulation.overlap import Overlaps, find_overlaps, overlap_rate, pair_similarity
from recbole_adasid.tokenizer.training.sampling import PairBatch


class HammingRegulation(Regulation):
    """Push apart items whose Semantic IDs are equal or differ on few levels, with two fixed margins.

    With H the number of unequal levels: λ_full · mean over {valid, H = 0} of [m_full − d]₊ plus λ_part · mean over
    {valid, 0 < H ≤ R} of [m_part − d]₊, d = 1 − cosine of encoder outputs. A pair is valid if its items differ and it
    is not a positive of the batch, i.e. a trigger with its own target.

    Args:
        radius: R, from 0 to L − 1 (published: 1).
        full_margin, partial_margin: m_full and m_part (published: 0.8 and 0.5).
        full_weight, partial_weight: λ_full and λ_part (published best: 0.2 and 0.1).
        collaborative_weight: constant weight of InfoNCE.

    Raises:
        ValueError: for a negative value.
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {
        "hamming_radius": whole(0, 7).as_argument("radius"),
        "full_margin": real(0, 2),
        "partial_margin": real(0, 2),
        "full_weight": real(0),
        "partial_weight": real(0),
    }
    REMEDY: ClassVar[str] = "Raise full_margin and partial_margin, or hamming_radius."

    def __init__(
        self,
        *,
        radius: int,
        full_margin: float,
        partial_margin: float,
        full_weight: float,
        partial_weight: float,
        collaborative_weight: float,
    ) -> None:
        values = (radius, full_margin, partial_margin, full_weight, partial_weight, collaborative_weight)
        if min(values) < 0:
            raise ValueError(
                f"radius, margins and weights of the hamming regulation must not be negative, got {values}"
            )
        self.radius = radius
        self.margins = (full_margin, partial_margin)
        self.factors = (full_weight, partial_weight)
        self.collaborative_weight = collaborative_weight

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Regulation:
        """Build the regulation; see :meth:`Regulation.of_settings`.

        Raises:
            ValueError: for a radius of L or more.
        """
        if not 0 <= settings["hamming_radius"] < settings["sid_length"]:
            raise ValueError(
                f"hamming_radius must lie between 0 and {settings['sid_length'] - 1}, one less than sid_length, got "
                f"{settings['hamming_radius']}"
            )
        return super().of_settings(settings)

    def collision(
        self, latent: Tensor, codes: Tensor, batch: PairBatch, features: Tensor | None = None
    ) -> CollisionTerm:
        """Return the weighted sum of both terms for a batch; see :meth:`Regulation.collision`."""
        pairs = find_overlaps(codes, batch.counts)
        distance_in_levels = codes.shape[1] - pairs.depth  # H
        direction = F.normalize(world().grad_all_reduce(latent), dim=1)
        with torch.no_grad():
            similarity = pair_similarity(direction, pairs)
            valid = pairs.times - positives(pairs, batch)
            full = valid * (distance_in_levels == 0)
            partial = valid * ((distance_in_levels > 0) & (distance_in_levels <= self.radius))
            sizes = world().all_reduce_sum(torch.stack([full.sum(), partial.sum()])).tolist()
            margin, weight = torch.zeros_like(similarity), torch.zeros_like(similarity)
            for chosen, size, m, factor in zip((full, partial), sizes, self.margins, self.factors):
                margin[chosen > 0] = m
                weight += factor / max(1.0, size) * chosen
            repelled = margin > 1 - similarity
            n_repelled = float(world().all_reduce_sum((full + partial) @ repelled.float()))
        loss = world().all_reduce_sum(hinge_sum(direction, pairs, weight * repelled, margin))
        stats = {
            **overlap_rate(pairs, int(batch.counts.sum())),
            "repelled_share": n_repelled / max(1.0, sum(sizes)),
            "full_collisions": sizes[0],
        }
        return CollisionTerm(loss, stats)

    @property
    def aligns_pairs(self) -> bool:
        """Whether the weight of InfoNCE is above 0."""
        return self.collaborative_weight > 0

    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return 1 (λ_full and λ_part are inside the term) and the constant weight of InfoNCE."""
        return ObjectiveWeights(collision=1.0, collaborative=self.collaborative_weight)


def positives(pairs: Overlaps, batch: PairBatch) -> Tensor:
    """Return float32 [P], how many of a pair's draws are a trigger with its target, in either direction."""
    n_items = len(batch.items)
    low, high = torch.minimum(batch.trigger, batch.target), torch.maximum(batch.trigger, batch.target)
    keys, found = (low * n_items + high).unique(return_counts=True)
    if not len(keys):
        return torch.zeros_like(pairs.times)
    key = pairs.first * n_items + pairs.second
    place = torch.searchsorted(keys, key).clamp_max(len(keys) - 1)
    return found[place] * (keys[place] == key).to(pairs.times)
