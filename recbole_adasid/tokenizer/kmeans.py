"""k-means by Lloyd's algorithm with k-means++ seeding, in torch, deterministic for a given generator."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.nearest import nearest_codeword

SEEDING_POINTS_PER_CENTROID = 64
"""k-means++ seeds from a random sample of this many points a centroid: it is sequential, and more adds little."""


@torch.no_grad()
def kmeans(points: Tensor, n_clusters: int, *, iterations: int, generator: torch.Generator) -> Tensor:
    """Return the centroids [K, D] of ``points`` [N, D].

    Seeds by k-means++ (Arthur & Vassilvitskii, 2007), then runs Lloyd iterations until no point moves or
    ``iterations`` have passed. A centroid that loses all its points is put on the point that is worst represented.
    With fewer distinct points than centroids the surplus centroids repeat points.

    Raises:
        ValueError: if there is no point or a value is not finite.
    """
    if len(points) == 0:
        raise ValueError(f"k-means got no points to put its {n_clusters} centroids on; check the item features")
    if not torch.isfinite(points).all():
        raise ValueError("k-means got points with NaN or infinite values; check the item features")
    centroids = _plus_plus_seeds(points, n_clusters, generator)
    assignment = nearest_codeword(points, centroids)
    for _ in range(iterations):
        centroids = _update(points, assignment, centroids)
        moved = nearest_codeword(points, centroids)
        if torch.equal(moved, assignment):
            break
        assignment = moved
    return centroids


@torch.no_grad()
def refine(points: Tensor, centroids: Tensor) -> Tensor:
    """Return ``centroids`` [K, D] after one Lloyd iteration on ``points`` [N, D]."""
    return _update(points, nearest_codeword(points, centroids), centroids)


def _plus_plus_seeds(points: Tensor, n_clusters: int, generator: torch.Generator) -> Tensor:
    sample_size = min(len(points), n_clusters * SEEDING_POINTS_PER_CENTROID)
    sample = points[torch.randperm(len(points), generator=generator)[:sample_size]]
    squared_norms = sample.square().sum(dim=1)
    seeds = torch.empty(n_clusters, points.shape[1], dtype=points.dtype, device=points.device)
    seeds[0] = sample[0]
    distance = (squared_norms + squared_norms[0] - 2 * sample @ sample[0]).clamp_min_(0)
    for k in range(1, n_clusters):
        # Where every point already is a seed all distances are 0: fall back to a uniform draw.
        weights = distance.double() if distance.sum() > 0 else torch.ones_like(distance, dtype=torch.float64)
        chosen = int(torch.multinomial(weights, 1, generator=generator))
        seeds[k] = sample[chosen]
        to_seed = (squared_norms + squared_norms[chosen] - 2 * sample @ sample[chosen]).clamp_min_(0)
        to_seed[chosen] = 0
        distance = torch.minimum(distance, to_seed)
    return seeds


def _update(points: Tensor, assignment: Tensor, centroids: Tensor) -> Tensor:
    sizes = torch.bincount(assignment, minlength=len(centroids))
    sums = torch.zeros_like(centroids).index_add_(0, assignment, points)
    updated = sums / sizes.clamp_min(1).unsqueeze(1)
    empty = (sizes == 0).nonzero().squeeze(1)
    if len(empty):
        error = (points - centroids[assignment]).square().sum(dim=1)
        worst = error.topk(min(len(empty), len(points))).indices
        updated[empty[: len(worst)]] = points[worst]
        updated[empty[len(worst) :]] = points[worst[0]]
    return updated
