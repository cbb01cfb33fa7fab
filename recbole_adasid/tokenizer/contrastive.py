"""Collaborative alignment of quantised embeddings (AdaSID §4.4; InfoNCE, van den Oord et al., arXiv 1807.03748)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(
    trigger: Tensor, target: Tensor, trigger_items: Tensor, target_items: Tensor, *, temperature: float
) -> Tensor:
    """Return L_cf, the mean over pairs of −log softmax of the pair's own cosine among in-batch targets.

    Row i competes against every other target j of the batch, except those that are the same item as its trigger or
    its own target: one item drawn twice is no negative. The paper gives neither temperature nor direction; the loss
    goes from trigger to target.

    Args:
        trigger: ẑ [B, D] of the triggers.
        target: ẑ [B, D] of the targets.
        trigger_items: int64 [B].
        target_items: int64 [B].
        temperature: divides the cosines; above 0.
    """
    logits = F.normalize(trigger, dim=1) @ F.normalize(target, dim=1).t() / temperature
    same = (target_items.unsqueeze(1) == target_items) | (trigger_items.unsqueeze(1) == target_items)
    same.fill_diagonal_(False)
    logits = logits.masked_fill(same, float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(trigger), device=trigger.device))
