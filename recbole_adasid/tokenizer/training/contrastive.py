"""Collaborative alignment of quantised embeddings (AdaSID §4.4; InfoNCE, van den Oord et al., arXiv 1807.03748)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world


def info_nce(vectors: Tensor, trigger: Tensor, target: Tensor, *, temperature: float) -> Tensor:
    """Return L_cf, the mean over pairs of −log softmax of the pair's cosine over in-batch targets.

    Each pair competes against every other target in the batch, as often as it occurs, except repeats of its own
    trigger or target: an item is never its own negative. The paper specifies neither temperature nor direction; here
    the loss goes from trigger to target.

    Args:
        vectors: ẑ [U, D] of different items.
        trigger: int64 [B], the row of each pair's trigger.
        target: int64 [B], the row of each pair's target.
        temperature: divides the cosines; above 0.
    """
    unit, n_pairs = F.normalize(world().grad_all_reduce(vectors), dim=1), len(trigger)
    columns, column, times = target.unique(return_inverse=True, return_counts=True)
    trigger, column = world().part(trigger), world().part(column)
    rows, row = trigger.unique(return_inverse=True)
    # A trigger that is also a target of another pair must not meet itself.
    itself = (rows[:, None] == columns).nonzero().unbind(1)
    sides = unit.index_select(0, rows), unit.index_select(0, columns) / temperature
    return world().all_reduce_sum(_InfoNCE.apply(*sides, times.to(unit).log(), row, column, itself, n_pairs))


class _InfoNCE(torch.autograd.Function):
    """Σ over pairs of log(Σ exp(a·b) over negatives + exp(a·b) of the pair) − a·b of the pair, divided by n_pairs.

    Pairs with the same trigger share a row of logits, and repeated targets share a column, offset by the log of their
    count. With autograd, the passes over the logit matrix and its copies would cost more than its products.
    Letters: R different triggers, C different targets, B pairs.
    """

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        b: Tensor,
        log_times: Tensor,
        row: Tensor,
        column: Tensor,
        itself: tuple[Tensor, Tensor],
        n_pairs: int,
    ) -> Tensor:
        own = torch.linalg.vecdot(a.index_select(0, row), b.index_select(0, column))
        logits = torch.addmm(log_times, a, b.t())  # [R, C]
        logits[itself] = float("-inf")
        highest = logits.amax(dim=1).scatter_reduce_(0, row, own, "amax")
        weight = logits.sub_(highest[:, None]).exp_()
        highest = highest.index_select(0, row)
        to_target = weight[row, column]
        # Remove the pair's own target from its row, then add its own logit once. Rounding cannot make a sum of
        # non-negative weights smaller than any of them, so the remainder of a row is 0 or positive.
        own_weight = (own - highest).exp_()
        total = weight.sum(dim=1).index_select(0, row) - to_target + own_weight
        ctx.save_for_backward(a, b, weight, row, column, to_target, own_weight, total)
        ctx.n_pairs = n_pairs
        return (highest + total.log() - own).sum() / n_pairs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        a, b, weight, row, column, to_target, own_weight, total = ctx.saved_tensors
        slope = weight * a.new_zeros(len(a)).index_add_(0, row, 1 / total)[:, None]
        slope.index_put_((row, column), (own_weight - to_target) / total - 1, accumulate=True)
        slope *= grad / ctx.n_pairs
        return slope @ b, slope.t() @ a, None, None, None, None, None
