"""AdaSID's regulation written out: the paper's equations as loops over ordered pairs of draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_adasid.tokenizer.regulation.adasid import AdaptiveRegulation
from recbole_adasid.tokenizer.regulation.schedule import ProgressSchedule
from recbole_adasid.tokenizer.training.sampling import PairBatch

THRESHOLDS, MARGINS = [0.1, 0.3, 0.6], [1.1, 1.3, 1.5]
F_MIN, F_MAX, SATURATION, ALPHA = 1.0, 3.0, 0.2, 0.5


def regulation(**changes) -> AdaptiveRegulation:
    schedule = ProgressSchedule(start=0.0, end=1.0, collision_floor=0.05, collaborative_ceiling=0.35)
    settings = {
        "thresholds": THRESHOLDS,
        "margins": MARGINS,
        "f_min": F_MIN,
        "f_max": F_MAX,
        "load_saturation": SATURATION,
        "alpha": ALPHA,
        "schedule": schedule,
        "reduction": "sum",
    }
    return AdaptiveRegulation(**{**settings, **changes})


class Case(NamedTuple):
    """A batch as the regulation gets it, a row an item, and which row each draw is."""

    latent: Tensor
    codes: Tensor
    batch: PairBatch
    draws: Tensor


def case(n_draws: int = 24, n_items: int = 15, n_levels: int = 3) -> Case:
    generator = torch.Generator().manual_seed(3)
    drawn = torch.randint(n_items, (n_draws,), generator=generator)  # some items are drawn twice
    batch = PairBatch.of(drawn, n_draws // 3)
    latent = torch.randn(len(batch.items), 4, generator=generator)
    codes = torch.randint(3, (len(batch.items), n_levels), generator=generator)
    return Case(latent, codes, batch, torch.searchsorted(batch.items, drawn))


def apart(n_items: int) -> PairBatch:
    return PairBatch.of(torch.arange(n_items), 0)


def overlap_depth(a: Tensor, b: Tensor, agreement: str = "positions") -> int:
    return sum(signature(a, b, agreement))


def signature(a: Tensor, b: Tensor, agreement: str = "positions") -> tuple[bool, ...]:
    """κ of Eq. 8: whether each level agrees; with ``prefix``, only those before the first that differs."""
    equal = [x == y for x, y in zip(a.tolist(), b.tolist())]
    if agreement == "prefix" and False in equal:
        first = equal.index(False)
        equal[first:] = [False] * (len(equal) - first)
    return tuple(equal)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / (a.norm() * b.norm())


def ordered_candidates(codes: Tensor, draws: Tensor, agreement: str = "positions") -> list[tuple[int, int]]:
    """Eq. 2: ordered pairs of draws of different items that agree somewhere, as the rows of their items."""
    rows = draws.tolist()
    return [(i, j) for i in rows for j in rows if i != j and overlap_depth(codes[i], codes[j], agreement) > 0]


def literal_collision_loss(
    case: Case,
    *,
    relax: bool,
    strengthen: bool,
    agreement: str = "positions",
    gate_vectors: Tensor | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Tensor:
    """Eq. 13 as printed: a sum over ordered pairs.

    ``gate_vectors`` are those whose cosines the gate compares, the latents if None.
    """
    latent, codes, _, draws = case
    compared = latent if gate_vectors is None else gate_vectors
    candidates = ordered_candidates(codes, draws, agreement)
    d_max = SATURATION * len(draws) * (len(draws) - 1)
    signatures = {(i, j): signature(codes[i], codes[j], agreement) for i, j in candidates}
    loads = Counter(signatures[pair] for pair in candidates)
    total = latent.new_zeros(())
    for i, j in candidates:
        depth = sum(signatures[i, j])
        gate = relax and bool(cosine(compared[i], compared[j]) >= thresholds[depth - 1])
        load = loads[signatures[i, j]]
        factor = F_MIN + (F_MAX - F_MIN) * (min(load, d_max) / d_max) ** ALPHA if strengthen else 1.0
        penalty = (MARGINS[depth - 1] - (1 - cosine(latent[i], latent[j]))).clamp_min(0)
        total = total + factor * (1 - int(gate)) * penalty
    return total


def agreed(a: Tensor, b: Tensor) -> tuple[int | None, ...]:
    """The codes on which two Semantic IDs agree, and None where they do not."""
    return tuple(x if x == y else None for x, y in zip(a.tolist(), b.tolist()))


REGION = {"signature": signature, "codes": agreed}


def literal_factors(codes: Tensor, draws: Tensor, region: str, reference: str) -> dict[tuple[int, int], float]:
    """Eq. 9 and 10 for each ordered pair, with every way to count a load and to scale it."""
    candidates = ordered_candidates(codes, draws)
    regions = {(i, j): REGION[region](codes[i], codes[j]) for i, j in candidates}
    depths = {(i, j): overlap_depth(codes[i], codes[j]) for i, j in candidates}
    loads = Counter(regions[pair] for pair in candidates)
    largest_at = {o: max(loads[regions[pair]] for pair in candidates if depths[pair] == o) for o in depths.values()}
    found = {}
    for pair in candidates:
        own = loads[regions[pair]]
        batch, largest = len(draws) * (len(draws) - 1), max(loads.values())
        d_max = max(
            1.0, SATURATION * {"batch": batch, "largest": largest, "depth": largest_at[depths[pair]]}[reference]
        )
        found[pair] = F_MIN + (F_MAX - F_MIN) * (min(own, d_max) / d_max) ** ALPHA
    return found


def schedule(**changes: float | str) -> ProgressSchedule:
    return ProgressSchedule(
        **{"start": 0.0, "end": 1.0, "collision_floor": 0.0, "collaborative_ceiling": 0.0, **changes}
    )
