"""Optimised product quantisation (Ge et al., CVPR 2013): a rotation that lets subspaces be quantised independently."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recbole_adasid.tokenizer.clustering.kmeans import kmeans, refine
from recbole_adasid.tokenizer.nearest import nearest_codeword

LEAST_VARIANCE = 1e-7
"""Below this fraction of the greatest variance, float32 points have none."""


@torch.no_grad()
def optimised_product_quantisation(
    points: Tensor, codebook_sizes: Sequence[int], *, iterations: int, generator: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """Return a rotation R [d, d] and a codebook [K_m, d_m] for each of the M subspaces of ``points`` [N, d] · R.

    R starts from the principal axes, dealt out so that subspaces have about the same product of variances (the
    paper's parametric solution); then codebooks and rotation alternate, ``iterations`` times: a Lloyd step in every
    subspace, and the rotation that best maps the points onto their quantised versions (the paper's non-parametric
    solution, an orthogonal Procrustes problem).
    """
    rotation, widths = balanced_axes(points, len(codebook_sizes))
    parts = (points @ rotation).split(widths, dim=1)
    codebooks = [
        kmeans(part, size, iterations=iterations, generator=generator) for part, size in zip(parts, codebook_sizes)
    ]
    for _ in range(iterations):
        coded = torch.cat([book[nearest_codeword(part, book)] for part, book in zip(parts, codebooks)], dim=1)
        left, _, right = torch.linalg.svd(points.t() @ coded, full_matrices=False)
        rotation = left @ right
        parts = (points @ rotation).split(widths, dim=1)
        codebooks = [refine(part, book, generator=generator) for part, book in zip(parts, codebooks)]
    return rotation, codebooks


def subspace_widths(width: int, n_subspaces: int) -> list[int]:
    """Return how many of ``width`` columns each subspace gets: as even as possible, the first ones wider."""
    return [width // n_subspaces + (part < width % n_subspaces) for part in range(n_subspaces)]


def balanced_axes(points: Tensor, n_subspaces: int) -> tuple[Tensor, list[int]]:
    """Return the principal axes [d, d] ordered by subspace, and the subspaces' widths."""
    centred = points - points.mean(dim=0)
    variances, axes = torch.linalg.eigh((centred.t() @ centred / len(points)).double())
    width, capacity = points.shape[1], subspace_widths(points.shape[1], n_subspaces)
    worth = _above_the_least(variances).tolist()
    members: list[list[int]] = [[] for _ in capacity]
    products = [0.0] * n_subspaces
    for axis in range(width - 1, -1, -1):  # greatest variance first, each to the smallest product so far
        open_parts = [part for part in range(n_subspaces) if len(members[part]) < capacity[part]]
        part = min(open_parts, key=lambda candidate: products[candidate])
        members[part].append(axis)
        products[part] += worth[axis]
    order = [axis for part in members for axis in part]
    return axes[:, order].to(points.dtype), capacity


def _above_the_least(variances: Tensor) -> Tensor:
    """Return the logarithms of ``variances`` [d] relative to the smallest, plus 1.

    Without this, a product of variances below 1 would shrink with every axis, so that the subspace that got one axis
    would get the next one too; and whether variances are below 1 depends on the scale of the features.
    """
    greatest = variances.max().clamp_min(torch.finfo(variances.dtype).tiny)
    logarithms = variances.clamp_min(LEAST_VARIANCE * greatest).log()
    return logarithms - logarithms.min() + 1
