"""AdaSID's two-stage adaptive overlap regulation (arXiv 2604.23522, §4.1 to §4.3), in the paper's order.

Every quantity carries the paper's symbol in its comment, so that this file can be read beside Eq. 2 to 13.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world
from recbole_adasid.tokenizer.regulation.base import CollisionTerm, ObjectiveWeights, Regulation
from recbole_adasid.tokenizer.regulation.hinge import hinge_sum
from recbole_adasid.tokenizer.regulation.overlap import Overlaps, find_overlaps, means_over, overlap_rate
from recbole_adasid.tokenizer.regulation.schedule import ProgressSchedule
from recbole_adasid.tokenizer.regulation.similarity import pair_similarity
from recbole_adasid.tokenizer.sampling import PairBatch

REDUCTIONS = ("mean", "per_item", "sum")


class AdaptiveRegulation(Regulation):
    """Relax admissible overlaps, strengthen crowded ones, and shift from separation to alignment over time.

    Args:
        thresholds: η [L], non-decreasing: the cosine from which an overlap of depth 1 … L is relaxed (Eq. 6).
        margins: m [L], the cosine distance that retained overlaps of depth 1 … L are pushed to. The paper gives no
            value. A retained pair has d > 1 − η, so a margin of at most 1 − η exerts no force on it.
        f_min: strengthening factor of an empty region (not given by the paper; 1 leaves the loss as it is).
        f_max: strengthening factor of a saturated region.
        load_saturation: d_max as a share of the batch's M(M − 1) ordered pairs, so that it means the same at every
            batch size (the paper gives no value).
        alpha: growth sharpness of the strengthening (not given by the paper).
        schedule: λ_col and λ_cf over training (Eq. 11 and 12).
        reduction: how Eq. 13 is summed: ``sum`` as printed, which grows with the square of the batch; ``mean`` over P;
            or ``per_item``, the sum divided by the M draws.
        semantic_relaxation: False is the paper's "w/o SeAR": g ≡ 0.
        load_strengthening: False is the paper's "w/o LAS": a ≡ 1.

    Raises:
        ValueError: for decreasing thresholds, lengths that differ, f_max < f_min or an unknown reduction.
    """

    def __init__(
        self,
        *,
        thresholds: Sequence[float],
        margins: Sequence[float],
        f_min: float,
        f_max: float,
        load_saturation: float,
        alpha: float,
        schedule: ProgressSchedule,
        reduction: str = "mean",
        semantic_relaxation: bool = True,
        load_strengthening: bool = True,
    ) -> None:
        _check(thresholds, margins, f_min, f_max, load_saturation, alpha, reduction)
        self.thresholds = torch.tensor([float("nan"), *thresholds])  # index 0: depth 0 is no overlap
        self.margins = torch.tensor([float("nan"), *margins])
        self.f_min, self.f_max = f_min, f_max
        self.load_saturation, self.alpha = load_saturation, alpha
        self.schedule = schedule
        self.reduction = reduction
        self.semantic_relaxation = semantic_relaxation
        self.load_strengthening = load_strengthening

    def collision(self, latent: Tensor, codes: Tensor, batch: PairBatch) -> CollisionTerm:
        """Return L_col of Eq. 13 for z [U, D] and codes int64 [U, L] of a batch. No pair is exempt."""
        pairs = find_overlaps(codes, batch.counts)  # P, κ and o: Eq. 2 and 8
        direction, n_draws = F.normalize(world().spread(latent), dim=1), int(batch.counts.sum())
        with torch.no_grad():
            similarity = pair_similarity(direction, pairs)  # sim: Eq. 5
            relaxed = self.gate(similarity, pairs.depth)  # g: Eq. 7
            factor_of = self.strengthening(self.load(pairs, codes.shape[1]), n_draws)  # a: Eq. 10
            factor = factor_of.index_select(0, pairs.signature)
            margin = self.margins.to(latent.device).index_select(0, pairs.depth)  # m
            repelled = ~relaxed & (margin > 1 - similarity)  # (1 − g)·ℓ > 0, with d = 1 − sim: Eq. 3 and 4
        total = world().total(hinge_sum(direction, pairs, pairs.times * factor * repelled, margin))
        loss = self._reduce(total, pairs.total, n_draws)
        shares = {"relaxed_share": relaxed, "repelled_share": repelled, "load_factor": factor, "similarity": similarity}
        return CollisionTerm(loss, {**overlap_rate(pairs, n_draws), **means_over(pairs, shares)})

    def gate(self, similarity: Tensor, depth: Tensor) -> Tensor:
        """Return g [P], Eq. 7: True where the items are alike enough for an overlap of their depth to be admissible."""
        if not self.semantic_relaxation:
            return torch.zeros_like(similarity, dtype=torch.bool)
        return similarity >= self.thresholds.to(similarity.device).index_select(0, depth)

    @staticmethod
    def load(pairs: Overlaps, n_levels: int) -> Tensor:
        """Return c, Eq. 9: how many ordered pairs of P have each signature κ from 0 to 2^L − 1."""
        own = torch.bincount(pairs.signature, weights=pairs.times, minlength=2**n_levels)
        return 2 * world().total(own.float())  # of no pairs it would be integers, which other ranks' numbers do not fit

    def strengthening(self, load: Tensor, n_draws: int) -> Tensor:
        """Return a for each load, Eq. 10, as f_min + (f_max − f_min)·(min(c, d_max) / d_max)^α.

        The paper asks for a bounded increasing function and prints no form; this one reaches f_max at c = d_max.
        """
        if not self.load_strengthening:
            return torch.ones(len(load), device=load.device)
        saturation = max(1.0, self.load_saturation * n_draws * (n_draws - 1))  # d_max, in ordered pairs
        relative = load.clamp_max(saturation) / saturation
        return self.f_min + (self.f_max - self.f_min) * relative.pow(self.alpha)

    @property
    def aligns_pairs(self) -> bool:
        """Whether λ_cf ever rises above 0."""
        return self.schedule.collaborative_ceiling > 0

    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return λ_col and λ_cf at ``step`` (Eq. 12)."""
        return self.schedule.weights(step, total_steps)

    def _reduce(self, unordered_sum: Tensor, n_pairs: float, n_draws: int) -> Tensor:
        if self.reduction == "mean":
            return unordered_sum / max(1.0, n_pairs)
        # Eq. 13 sums over ordered pairs, so each unordered pair counts twice.
        return 2 * unordered_sum / (n_draws if self.reduction == "per_item" else 1)


def _check(
    thresholds: Sequence[float],
    margins: Sequence[float],
    f_min: float,
    f_max: float,
    load_saturation: float,
    alpha: float,
    reduction: str,
) -> None:
    if list(thresholds) != sorted(thresholds):
        raise ValueError(f"relaxation_thresholds must not decrease with depth, got {list(thresholds)}")
    if len(margins) != len(thresholds):
        raise ValueError(
            f"collision_margins has {len(margins)} values and relaxation_thresholds {len(thresholds)}: "
            "give one of each per level"
        )
    if not 0 <= f_min <= f_max:
        raise ValueError(f"load factors must satisfy 0 <= load_f_min <= load_f_max, got {f_min} and {f_max}")
    if not 0 < load_saturation <= 1 or alpha <= 0:
        raise ValueError(
            f"load_saturation must lie in (0, 1] and load_alpha above 0, got {load_saturation} and {alpha}"
        )
    if reduction not in REDUCTIONS:
        raise ValueError(f"unknown collision_reduction {reduction!r}; valid: {', '.join(REDUCTIONS)}")
