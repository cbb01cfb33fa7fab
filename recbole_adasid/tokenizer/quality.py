"""Quality of a Semantic-ID space before any recommender is trained (AdaSID §5.1.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def entropy(counts: np.ndarray) -> float:
    """Return the Shannon entropy, in nats, of the distribution that ``counts`` [K] describe."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum()) + 0.0


def sid_quality(codes: np.ndarray, codebook_sizes: Sequence[int]) -> dict[str, float]:
    """Return the paper's four statistics and how Semantic IDs collide.

    Args:
        codes: int64 [N, L], the Semantic ID of each item.
        codebook_sizes: K of each level.

    Returns:
        ``sid_entropy`` (nats, of whole Semantic IDs), ``mean_perplexity`` and ``min_perplexity`` over levels,
        ``perplexity_l`` and ``usage_l`` (share of codewords used) per level, ``mean_top1_load`` (share of items on the
        most used codeword, averaged over levels), ``unique_sids`` (distinct over items), ``collision_rate`` (share of
        items whose Semantic ID is not theirs alone) and ``largest_collision_group`` (items).
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
    }
    for level, (value, counts) in enumerate(zip(perplexity, usage), start=1):
        quality[f"perplexity_{level}"] = value
        quality[f"usage_{level}"] = float((counts > 0).mean())
    return quality
