"""k-means by Lloyd's algorithm from pulled k-means++ seeds, in torch, deterministic for a given generator."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.tokenizer.nearest import nearest_codeword, offset

SEEDING_POINTS_PER_CENTROID = 64
"""k-means++ seeds from a random sample of this many points per centroid: it is sequential, and more adds little."""
PULLS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15)
"""How far from the mean the seeds may start, as a fraction of their distance: 1 leaves them on their points."""
SPLIT = 1 / 64
"""Initial distance of a new centroid from the one it splits, in standard deviations of its points."""


@torch.no_grad()
def kmeans(points: Tensor, n_clusters: int, *, iterations: int, generator: torch.Generator) -> Tensor:
    """Return the centroids [K, D] of ``points`` [N, D].

    Seeds by k-means++ (Arthur & Vassilvitskii, 2007), then pulls the seeds towards the mean of all points as far as
    that lowers the error. Then runs Lloyd iterations until no point moves, at most ``iterations``. A centroid that
    loses all its points is moved next to a crowded one. The result depends neither on the scale of the points nor on
    how far from 0 they lie. With fewer distinct points than centroids, the surplus centroids repeat points.

    Raises:
        ValueError: if there are no points or a value is non-finite.
    """
    if len(points) == 0:
        raise ValueError(f"k-means got no points to put its {n_clusters} centroids on; check the item features")
    if not torch.isfinite(points).all():
        raise ValueError("k-means got points with NaN or infinite values; check the item features")
    origin = offset(points)
    if origin.any():
        return _kmeans(points - origin, n_clusters, iterations, generator) + origin
    return _kmeans(points, n_clusters, iterations, generator)


def _kmeans(points: Tensor, n_clusters: int, iterations: int, generator: torch.Generator) -> Tensor:
    centroids = _pulled(points, _plus_plus_seeds(points, n_clusters, generator))
    assignment = nearest_codeword(points, centroids)
    for _ in range(iterations):
        centroids = _update(points, assignment, centroids, generator)
        moved = nearest_codeword(points, centroids)
        if torch.equal(moved, assignment):
            break
        assignment = moved
    return centroids


@torch.no_grad()
def refine(points: Tensor, centroids: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return ``centroids`` [K, D] after one Lloyd iteration on ``points`` [N, D]."""
    return _update(points, nearest_codeword(points, centroids), centroids, generator)


def _pulled(points: Tensor, seeds: Tensor) -> Tensor:
    """Return the points [K, D] at rows ``seeds`` [K], pulled towards the mean as far as that lowers the others' error.

    In high dimensions a seed on a point is as far from other points as they are from each other, except for the few
    seeds near the mean: those take nearly all points, and the rest one or none. Lloyd iterations do not recover from
    that. Pulled inwards, seeds compete by direction.
    """
    mean, on_points = points.mean(dim=0), points[seeds]
    others = torch.ones(len(points), dtype=torch.bool, device=points.device)
    others[seeds] = False  # a seed's own error is 0 and says nothing
    starts = [torch.lerp(mean, on_points, pull) for pull in PULLS]
    errors = [_squared_errors(points, start, nearest_codeword(points, start))[others].sum() for start in starts]
    return starts[int(torch.stack(errors).argmin())]


def _squared_errors(points: Tensor, centroids: Tensor, assignment: Tensor) -> Tensor:
    """Return the squared distance [N] of ``points`` [N, D] to their assigned centroids."""
    difference = points - centroids[assignment]
    return torch.linalg.vecdot(difference, difference)


def _plus_plus_seeds(points: Tensor, n_clusters: int, generator: torch.Generator) -> Tensor:
    """Return the rows int64 [K] of the points chosen by k-means++."""
    sample_size = min(len(points), n_clusters * SEEDING_POINTS_PER_CENTROID)
    rows = torch.randperm(len(points), generator=generator)[:sample_size]
    sample = points[rows]
    squared_norms = sample.square().sum(dim=1)
    chosen = [0]
    distance = (squared_norms + squared_norms[0] - 2 * sample @ sample[0]).clamp_min_(0)
    for _ in range(1, n_clusters):
        # If every point is already a seed, all distances are 0: fall back to a uniform draw.
        weights = distance.double() if distance.sum() > 0 else torch.ones_like(distance, dtype=torch.float64)
        chosen.append(int(torch.multinomial(weights, 1, generator=generator)))
        last = chosen[-1]
        to_seed = (squared_norms + squared_norms[last] - 2 * sample @ sample[last]).clamp_min_(0)
        to_seed[last] = 0
        distance = torch.minimum(distance, to_seed)
    return rows[chosen]


def _update(points: Tensor, assignment: Tensor, centroids: Tensor, generator: torch.Generator) -> Tensor:
    sizes = torch.bincount(assignment, minlength=len(centroids))
    sums = torch.zeros_like(centroids).index_add_(0, assignment, points)
    means = sums / sizes.clamp_min(1).unsqueeze(1)
    updated = torch.where((sizes > 0).unsqueeze(1), means, centroids)
    empty = (sizes == 0).nonzero().squeeze(1)
    if len(empty) and sizes.max() > 1:
        updated[empty] = _beside_crowded(points, assignment, updated, sizes, len(empty), generator)
    return updated


def _beside_crowded(
    points: Tensor, assignment: Tensor, means: Tensor, sizes: Tensor, count: int, generator: torch.Generator
) -> Tensor:
    """Return ``count`` centroids, each slightly off one that was drawn by how many points it can spare.

    Placed on the worst-represented points, as is common, they would keep these outliers to themselves.
    """
    chosen = torch.multinomial((sizes - 1).clamp_min(0).double(), count, replacement=True, generator=generator)
    errors = _squared_errors(points, means, assignment) / points.shape[1]
    spread = (errors.new_zeros(len(sizes)).index_add_(0, assignment, errors) / sizes.clamp_min(1)).sqrt()
    signs = 2 * torch.randint(2, (count, points.shape[1]), generator=generator) - 1
    return means[chosen] + SPLIT * spread[chosen].unsqueeze(1) * signs
