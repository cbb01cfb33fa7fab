"""Recommendation lists with places reserved for items that the network was not trained on."""

from __future__ import annotations

from math import floor

import torch
from torch import Tensor

Found = tuple[Tensor, Tensor]
"""Item ids [B, k], best first, padded with 0, and their log-probabilities [B, k]."""


def interleave(items: Found, reserved: Found, share: float) -> Found:
    """Return lists [B, k] in which every prefix has a ``share`` of reserved items, rounded down.

    Place p, from 1, goes to a reserved item where ⌊share · p⌋ increases. Places that one kind cannot fill go to the
    other. Scores are not compared between kinds: an item never trained on hardly ever scores as high as others.
    (TIGER, arXiv 2305.05065, gives unseen items at most a share ε of its lists.)

    Args:
        items: recommendations of one kind.
        reserved: the same number of recommendations of the other kind.
        share: from 0 to 1.
    """
    k = items[0].shape[1]
    due = [floor(share * place + 1e-9) for place in range(k + 1)]
    kept = [place for place in range(k) if due[place + 1] > due[place]]
    free = [place for place in range(k) if due[place + 1] == due[place]]
    # Position of each of the 2k; those beyond the places of their kind come last, to fill gaps.
    order = [*free, *range(k, 2 * k - len(free)), *kept, *range(2 * k, 3 * k - len(kept))]
    both, scores = torch.cat([items[0], reserved[0]], dim=1), torch.cat([items[1], reserved[1]], dim=1)
    stands = torch.where(both == 0, 3 * k, torch.tensor(order, device=both.device))
    chosen = stands.argsort(dim=1)[:, :k]
    return both.gather(1, chosen), scores.gather(1, chosen)
