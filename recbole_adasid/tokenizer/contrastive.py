"""Collaborative alignment of quantised embeddings (AdaSID §4.4; InfoNCE, van den Oord et al., arXiv 1807.03748)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.tokenizer.equal_pairs import equal_pairs


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
    unit_trigger, unit_target = F.normalize(trigger, dim=1), F.normalize(target, dim=1)
    return _InfoNCE.apply(unit_trigger, unit_target / temperature, *_no_negatives(trigger_items, target_items))


class _InfoNCE(torch.autograd.Function):
    """Mean over rows of logsumexp(a·bᵀ) − a·b of the row's own pair; entries (row, column) take no part.

    The gradient of the logits is softmax minus identity. Left to autograd, the passes over the matrix of logits and
    its copies cost more than the matrix products.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, row: Tensor, column: Tensor) -> Tensor:
        logits = a @ b.t()
        logits[row, column] = float("-inf")
        own = logits.diagonal().clone()
        softmax = torch.softmax(logits, dim=1)
        ctx.save_for_backward(a, b, softmax)
        # log Σ exp from each row's highest entry, whose softmax cannot vanish.
        return (logits.amax(dim=1) - softmax.amax(dim=1).log() - own).mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        a, b, softmax = ctx.saved_tensors
        scale = grad / len(a)
        return scale * (softmax @ b - b), scale * (softmax.t() @ a - a), None, None


def _no_negatives(trigger_items: Tensor, target_items: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns off the diagonal whose target is the row's own trigger or target once more."""
    n = len(trigger_items)
    first, second = equal_pairs(torch.cat([trigger_items, target_items]))  # places 0 … n − 1 are triggers
    is_target = second >= n
    first, second = first[is_target], second[is_target] - n
    both_targets = first >= n
    row = torch.cat([first % n, second[both_targets]])
    column = torch.cat([second, first[both_targets] % n])
    off_diagonal = row != column
    return row[off_diagonal], column[off_diagonal]
