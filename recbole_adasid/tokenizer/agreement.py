"""Do Semantic IDs keep neighbours together, and do two training runs group the same items?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from recbole_adasid.data.ordering import lexsort, places_in_runs
from recbole_adasid.pairs.item_pairs import ItemPairs

NEIGHBOURS = 10
SAMPLED_ITEMS = 2_000
RANDOM_PAIRS = 200_000
_ROWS_AT_ONCE = 16_384


class EmbeddingPairs(NamedTuple):
    """Pairs of an item and one of its nearest neighbours, grouped by item, nearest first."""

    items: NDArray[np.int64]
    """[P]."""
    nearest: NDArray[np.int64]
    """[P]."""
    cosines: NDArray[np.float32]
    """[P], of the centred features."""


def embedding_pairs(features: NDArray[np.float32]) -> EmbeddingPairs:
    """Return items and their nearest neighbours by cosine of the centred ``features`` [N, d].

    Large catalogues are sampled, with a fixed seed.
    """
    values = torch.from_numpy(features)
    mean = values.mean(0)
    rows = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))[:SAMPLED_ITEMS]
    asked = torch.nn.functional.normalize(values[rows] - mean, dim=1)
    n_neighbours = min(NEIGHBOURS, len(values) - 1)
    best, nearest = asked.new_empty(len(rows), 0), rows.new_empty(len(rows), 0)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        block = torch.nn.functional.normalize(values[start : start + _ROWS_AT_ONCE] - mean, dim=1)
        similarity = torch.cat([part @ block.t() for part in asked.split(256)])
        itself = ((rows >= start) & (rows < start + len(block))).nonzero().squeeze(1)
        similarity[itself, rows[itself] - start] = -torch.inf
        here = similarity.topk(min(n_neighbours, len(block)), dim=1)
        best, order = torch.cat([best, here.values], 1).sort(dim=1, descending=True, stable=True)
        nearest = torch.cat([nearest, here.indices + start], 1).gather(1, order)[:, :n_neighbours]
        best = best[:, :n_neighbours]
    return EmbeddingPairs(
        items=rows.repeat_interleave(n_neighbours).numpy(),
        nearest=nearest.flatten().numpy(),
        cosines=best.flatten().numpy(),
    )


def shared_prefix(codes: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many leading codes the items of each pair [P] share, 0 … L; ``codes`` [N, L]."""
    return np.cumprod(codes[first] == codes[second], axis=1).sum(axis=1)


def agreement(codes: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return the chance that a pair [P] shares more leading codes than a random pair of items; ties count half.

    This is the area under the ROC curve for telling neighbours from random pairs by their shared prefix; 0.5 means
    that codes carry no information about neighbourhood. NaN without pairs.
    """
    if not len(first):
        return float("nan")
    random = np.random.default_rng(0).integers(len(codes), size=(2, RANDOM_PAIRS))
    random = random[:, random[0] != random[1]]
    n_depths = codes.shape[1] + 1
    near = np.bincount(shared_prefix(codes, first, second), minlength=n_depths) / len(first)
    far = np.bincount(shared_prefix(codes, *random), minlength=n_depths) / max(1, random.shape[1])
    below = np.cumsum(far) - far
    return float((near * (below + 0.5 * far)).sum())


def neighbour_agreement(
    codes: NDArray[np.int64], near: EmbeddingPairs | None, pairs: ItemPairs | None
) -> dict[str, float]:
    """Return ``embedding_agreement`` and ``swing_agreement``: see :func:`agreement`.

    Args:
        codes: int64 [N, L].
        near: items and their ten nearest by embedding; None skips that figure.
        pairs: collaborative pairs; an item's neighbours are its ten strongest targets.
    """
    if len(codes) < 2:
        return {}
    found = {}
    if near is not None:
        found["embedding_agreement"] = agreement(codes, near.items, near.nearest)
    if pairs is not None and len(pairs):
        strongest = _strongest(pairs)
        found["swing_agreement"] = agreement(codes, pairs.trigger[strongest], pairs.target[strongest])
    return found


def stability(codes: NDArray[np.int64], others: NDArray[np.int64]) -> dict[str, float]:
    """Return ``stability_l`` for each prefix length l < L: how far two training runs group the same items together.

    The adjusted Rand index of the groups with equal prefixes, independent of how codes are numbered: 1 for equal
    groupings, 0 for chance level. ``codes`` and ``others``: int64 [N, L].
    """
    from sklearn.metrics import adjusted_rand_score

    lengths = range(1, max(2, codes.shape[1]))
    return {
        f"stability_{length}": float(adjusted_rand_score(_groups(codes, length), _groups(others, length)))
        for length in lengths
    }


def _groups(codes: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.unique(codes[:, :length], axis=0, return_inverse=True)[1].reshape(-1)


def _strongest(pairs: ItemPairs) -> NDArray[np.int64]:
    """Return the rows of each trigger's strongest targets."""
    order = lexsort((pairs.target, -pairs.weight, pairs.trigger))
    return order[places_in_runs(pairs.trigger[order]) < NEIGHBOURS]
