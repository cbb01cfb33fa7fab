"""Quality of a Semantic-ID space before training a recommender (AdaSID §5.1.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def entropy(counts: np.ndarray) -> float:
    """Return the Shannon entropy, in nats, of the distribution given by ``counts`` [K]."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum()) + 0.0


def sid_quality(codes: np.ndarray, codebook_sizes: Sequence[int]) -> dict[str, float]:
    """Return the paper's four statistics and collision statistics.

    Args:
        codes: int64 [N, L], the Semantic ID of each item.
        codebook_sizes: K of each level.

    Returns:
        ``sid_entropy`` (nats, of whole Semantic IDs), ``mean_perplexity`` and ``min_perplexity`` over levels,
        ``perplexity_l`` and ``usage_l`` (share of codewords used) per level, ``mean_top1_load`` (share of items on the
        most used codeword, averaged over levels), ``unique_sids`` (distinct over items), ``collision_rate`` (share of
        items whose Semantic ID is shared), ``largest_collision_group`` (items), and the number of groups of items with
        one Semantic ID by size (``groups_of_2`` and so on).
    """
    group_sizes = np.unique(codes, axis=0, return_counts=True)[1]
    usage = [np.bincount(codes[:, level], minlength=size) for level, size in enumerate(codebook_sizes)]
    perplexity = [float(np.exp(entropy(counts))) for counts in usage]
    quality = {
        "sid_entropy": entropy(group_sizes),
        "mean_perplexity": float(np.mean(perplexity)),
        "min_perplexity": min(perplexity),
        "mean_top1_load": float(np.mean([counts.max() / counts.sum() for counts in usage])),
        "unique_sids": len(group_sizes) / len(codes),
        "collision_rate": float(group_sizes[group_sizes > 1].sum() / len(codes)),
        "largest_collision_group": float(group_sizes.max()),
        **collision_histogram(group_sizes),
    }
    for level, (value, counts) in enumerate(zip(perplexity, usage), start=1):
        quality[f"perplexity_{level}"] = value
        quality[f"usage_{level}"] = float((counts > 0).mean())
    return quality


def collapsed_levels(quality: Mapping[str, float], codebook_sizes: Sequence[int], n_items: int) -> list[int]:
    """Return the levels, from 1, with less than a tenth of the usage that their codewords and the items allow."""
    return [
        level
        for level, size in enumerate(codebook_sizes, start=1)
        if min(size, n_items) >= 10 and quality[f"perplexity_{level}"] < 0.1 * min(size, n_items)
    ]


def collision_histogram(group_sizes: np.ndarray) -> dict[str, float]:
    """Return how many groups of items that share a Semantic ID have 2, 3 to 5, 6 to 10 or more members."""
    bounds = {"groups_of_2": (2, 2), "groups_of_3_to_5": (3, 5), "groups_of_6_to_10": (6, 10)}
    counts = {name: float(((group_sizes >= low) & (group_sizes <= high)).sum()) for name, (low, high) in bounds.items()}
    return {**counts, "groups_above_10": float((group_sizes > 10).sum())}


def landscape(codes: np.ndarray, codebook_sizes: Sequence[int]) -> dict[str, float]:
    """Return the axes of AdaSID's Figure 3, each 1 if codewords are used equally on every level.

    ``inverse_top1_load`` is the mean over levels of (1 / K) / load: the load of equally used codewords over that of the
    most used one; ``normalised_min_perplexity`` is the smallest perplexity / K. The paper normalises both without
    saying how; this way does not depend on which tokenizers are compared.
    """
    usage = [np.bincount(codes[:, level], minlength=size) for level, size in enumerate(codebook_sizes)]
    return {
        "inverse_top1_load": float(np.mean([counts.sum() / (counts.max() * len(counts)) for counts in usage])),
        "normalised_min_perplexity": min(float(np.exp(entropy(counts))) / len(counts) for counts in usage),
    }
