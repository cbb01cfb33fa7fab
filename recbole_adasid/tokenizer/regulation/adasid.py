"""AdaSID's two-stage adaptive overlap regulation (arXiv 2604.23522, §4.1 to §4.3), in the paper's order.

Every quantity carries the paper's symbol in a comment, so that this file can be read alongside Eq. 2 to 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world
from recbole_adasid.settings.errors import check_name
from recbole_adasid.settings.rules import Rule, arguments, name_of, one_or_list, real, switch
from recbole_adasid.tokenizer.regulation.base import CollisionTerm, ObjectiveWeights, Regulation, per_depth
from recbole_adasid.tokenizer.regulation.collision_load import REFERENCES, REGIONS, find_loads, saturation
from recbole_adasid.tokenizer.regulation.hinge import hinge_sum
from recbole_adasid.tokenizer.regulation.overlap import (
    AGREEMENTS,
    Overlaps,
    find_overlaps,
    means_over,
    overlap_rate,
    pair_similarity,
    sums_by_depth,
)
from recbole_adasid.tokenizer.regulation.quantile import quantiles_by_depth
from recbole_adasid.tokenizer.regulation.schedule import ProgressSchedule
from recbole_adasid.tokenizer.training.sampling import PairBatch

REDUCTIONS = ("mean", "per_depth", "per_item", "sum")
SIMILARITIES = ("latent", "features")
THRESHOLD_UNITS = ("cosine", "quantile")


class AdaptiveRegulation(Regulation):
    """Relax admissible overlaps, strengthen crowded ones, and shift from separation to alignment over time.

    Args:
        thresholds: η [L], non-decreasing: the cosine from which an overlap of depth 1 … L is relaxed (Eq. 6).
        margins: m [L], the cosine distance that retained overlaps of depth 1 … L are pushed to; not given by the paper.
            A retained pair has d > 1 − η, so a margin of at most 1 − η exerts no force on it.
        f_min: strengthening factor of an empty region (not given by the paper; 1 leaves the loss unchanged).
        f_max: strengthening factor of a saturated region.
        load_saturation: d_max as a share of ``load_reference`` (not given by the paper).
        alpha: growth sharpness of the strengthening (not given by the paper).
        schedule: λ_col and λ_cf over training (Eq. 11 and 12).
        reduction: how Eq. 13 is aggregated: ``sum`` as printed, which grows with the square of the batch; ``mean`` over
            P; ``per_item``, the sum divided by the M draws; or ``per_depth``, the mean over depths of the mean over the
            pairs of each depth, so that the few equal Semantic IDs are not drowned out by chance overlaps.
        semantic_relaxation: False is the paper's "w/o SeAR": g ≡ 0.
        load_strengthening: False is the paper's "w/o LAS": a ≡ 1.
        load_region: what a load counts: ``signature`` as in Eq. 9, or ``codes``; see :func:`find_loads`.
        load_reference: the reference of d_max: ``batch``, ``largest`` or ``depth``; see :func:`saturation`.
        overlap_agreement: which levels count as overlapping: ``positions`` (Eq. 2) or ``prefix``; see
            :func:`find_overlaps`.
        relaxation_similarity: what the gate compares: ``latent``, encoder outputs as in Eq. 5, which are shaped by the
            codes that they got; or ``features``, the scaled item features, which are not.
        threshold_unit: ``cosine``; or ``quantile``: η is the share of a batch's pairs of that depth with a lower
            cosine, so that training cannot move every pair to one side of it.

    Raises:
        ValueError: for decreasing thresholds, differing lengths, f_max < f_min or an unknown name.
    """

    _OWN: ClassVar[dict[str, Rule]] = {
        "semantic_relaxation": switch,
        "load_strengthening": switch,
        "overlap_agreement": name_of(AGREEMENTS),
        "relaxation_similarity": name_of(SIMILARITIES),
        "relaxation_thresholds": one_or_list(real(-1, 2)).as_argument("thresholds"),
        "relaxation_unit": name_of(THRESHOLD_UNITS).as_argument("threshold_unit"),
        "collision_margins": one_or_list(real(0, 2)).as_argument("margins"),
        "load_f_min": real(0).as_argument("f_min"),
        "load_f_max": real(0).as_argument("f_max"),
        "load_region": name_of(REGIONS),
        "load_reference": name_of(REFERENCES),
        "load_saturation": real(0, 1, above=True),
        "load_alpha": real(0, above=True).as_argument("alpha"),
        "collision_reduction": name_of(REDUCTIONS).as_argument("reduction"),
    }
    SETTINGS: ClassVar[dict[str, Rule]] = {**_OWN, **ProgressSchedule.SETTINGS}
    REMEDY: ClassVar[str] = (
        "Raise collision_margins above 1 - threshold, raise relaxation_thresholds, or set feature_scaling=standardise."
    )

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
        load_region: str = "signature",
        load_reference: str = "batch",
        overlap_agreement: str = "positions",
        relaxation_similarity: str = "latent",
        threshold_unit: str = "cosine",
    ) -> None:
        _check(thresholds, margins, f_min, f_max, load_saturation, alpha)
        check_name("collision_reduction", reduction, REDUCTIONS)
        check_name("load_region", load_region, REGIONS)
        check_name("load_reference", load_reference, REFERENCES)
        check_name("overlap_agreement", overlap_agreement, AGREEMENTS)
        check_name("relaxation_similarity", relaxation_similarity, SIMILARITIES)
        check_name("relaxation_unit", threshold_unit, THRESHOLD_UNITS)
        self.thresholds = torch.tensor([float("nan"), *thresholds])  # index 0: depth 0 is no overlap
        self.margins = torch.tensor([float("nan"), *margins])
        self.f_min, self.f_max = f_min, f_max
        self.load_saturation, self.alpha = load_saturation, alpha
        self.schedule = schedule
        self.reduction = reduction
        self.semantic_relaxation = semantic_relaxation
        self.load_strengthening = load_strengthening
        self.load_region, self.load_reference = load_region, load_reference
        self.overlap_agreement = overlap_agreement
        self.relaxation_similarity, self.threshold_unit = relaxation_similarity, threshold_unit

    def collision(
        self, latent: Tensor, codes: Tensor, batch: PairBatch, features: Tensor | None = None
    ) -> CollisionTerm:
        """Return L_col of Eq. 13 for z [U, D] and codes int64 [U, L] of a batch. No pair is exempt."""
        pairs = find_overlaps(codes, batch.counts, self.overlap_agreement)  # P, κ and o: Eq. 2 and 8
        direction, n_draws = F.normalize(world().grad_all_reduce(latent), dim=1), int(batch.counts.sum())
        with torch.no_grad():
            similarity = pair_similarity(direction, pairs)  # sim: Eq. 5
            likeness = similarity if features is None else pair_similarity(F.normalize(features, dim=1), pairs)
            relaxed = self.gate(likeness, pairs)  # g: Eq. 7
            factor = self.factor(pairs, codes, n_draws)  # a: Eq. 9 and 10
            margin = self.margins.to(latent.device).index_select(0, pairs.depth)  # m
            repelled = ~relaxed & (margin > 1 - similarity)  # (1 − g)·ℓ > 0, with d = 1 − sim: Eq. 3 and 4
            weight = pairs.times * factor * repelled
            by_depth = sums_by_depth(pairs, {"pairs": pairs.times, "factor": pairs.times * factor}, codes.shape[1])
            if self.reduction == "per_depth":
                weight = weight * self._shares(by_depth["pairs"]).index_select(0, pairs.depth - 1)
        total = world().all_reduce_sum(hinge_sum(direction, pairs, weight, margin))
        loss = self._reduce(total, pairs.total, n_draws)
        shares = {"relaxed_share": relaxed, "repelled_share": repelled, "load_factor": factor, "similarity": likeness}
        stats = {**overlap_rate(pairs, n_draws), **means_over(pairs, shares)}
        weights = sums_by_depth(pairs, {"weight": weight}, codes.shape[1])
        return CollisionTerm(loss, {**stats, **_statistics_by_depth({**by_depth, **weights})})

    def factor(self, pairs: Overlaps, codes: Tensor, n_draws: int) -> Tensor:
        """Return a [P] for every pair: Eq. 10 of its region's load c, Eq. 9."""
        if not self.load_strengthening:
            return torch.ones_like(pairs.times)
        loads = find_loads(pairs, codes, self.load_region)
        d_max = saturation(loads, self.load_saturation, self.load_reference, n_draws)
        return self.strengthening(loads.load, d_max).index_select(0, loads.region)

    def gate(self, similarity: Tensor, pairs: Overlaps) -> Tensor:
        """Return g [P], Eq. 7: True where items are similar enough for an overlap of this depth to be admissible."""
        if not self.semantic_relaxation:
            return torch.zeros_like(similarity, dtype=torch.bool)
        thresholds = self.thresholds.to(similarity.device)
        if self.threshold_unit == "quantile":
            thresholds = quantiles_by_depth(similarity, pairs, thresholds)
        return similarity >= thresholds.index_select(0, pairs.depth)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Refuse a schedule outside training; see :meth:`ProgressSchedule.check_settings`."""
        ProgressSchedule.check_settings(settings)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> AdaptiveRegulation:
        """Build the regulation; a list of depths is fitted to ``sid_length``."""
        given = arguments(cls._OWN, settings)
        depths = {name: per_depth(given[name], settings["sid_length"]) for name in ("thresholds", "margins")}
        schedule = ProgressSchedule(
            **arguments(ProgressSchedule.SETTINGS, settings), collaborative_ceiling=settings["collaborative_weight"]
        )
        return cls(**{**given, **depths}, schedule=schedule)

    def strengthening(self, load: Tensor, d_max: Tensor) -> Tensor:
        """Return a for each load c, Eq. 10, as f_min + (f_max − f_min)·(min(c, d_max) / d_max)^α.

        The paper asks for a bounded increasing function without giving one; this one reaches f_max at c = d_max.
        """
        relative = torch.minimum(load, d_max) / d_max
        return self.f_min + (self.f_max - self.f_min) * relative.pow(self.alpha)

    @property
    def compares_features(self) -> bool:
        """Whether the gate compares item features."""
        return self.relaxation_similarity == "features" and self.semantic_relaxation

    @property
    def aligns_pairs(self) -> bool:
        """Whether λ_cf rises towards a ceiling above 0."""
        return self.schedule.collaborative_ceiling > 0

    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return λ_col and λ_cf at ``step`` (Eq. 12)."""
        return self.schedule.weights(step, total_steps)

    @staticmethod
    def _shares(n_pairs: Tensor) -> Tensor:
        """Return the weight of a pair of each depth [L] if all occurring depths count equally, from pair counts [L]."""
        occur = n_pairs > 0
        return torch.where(occur, 1 / n_pairs.clamp_min(1.0), 0.0) / occur.sum().clamp_min(1)

    def _reduce(self, unordered_sum: Tensor, n_pairs: float, n_draws: int) -> Tensor:
        if self.reduction == "mean":
            return unordered_sum / max(1.0, n_pairs)
        if self.reduction == "per_depth":
            return unordered_sum  # weights are already normalised
        # Eq. 13 sums over ordered pairs, so each unordered pair counts twice.
        return 2 * unordered_sum / (n_draws if self.reduction == "per_item" else 1)


def _check(
    thresholds: Sequence[float],
    margins: Sequence[float],
    f_min: float,
    f_max: float,
    load_saturation: float,
    alpha: float,
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


def _statistics_by_depth(sums: Mapping[str, Tensor]) -> dict[str, float]:
    """Return, per depth, its share of the pairs P and of the loss weight, and its mean factor a."""
    pairs, weight = sums["pairs"], sums["weight"]
    columns = {
        "pair_share": pairs / pairs.sum().clamp_min(1.0),
        "weight_share": weight / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny),
        "load_factor": sums["factor"] / pairs.clamp_min(1.0),
    }
    return {
        f"{name}_of_depth_{o}": value for name, column in columns.items() for o, value in enumerate(column.tolist(), 1)
    }
