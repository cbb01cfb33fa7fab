"""Collaborative alignment of quantised embeddings (AdaSID §4.4; InfoNCE, van den Oord et al., arXiv 1807.03748)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_adasid.distributed.world import world


def info_nce(
    vectors: Tensor,
    trigger: Tensor,
    target: Tensor,
    *,
    temperature: float,
    spared: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return L_cf, the mean over pairs of −log softmax of the pair's cosine over in-batch targets.

    Each pair competes against every other target in the batch, as often as it occurs, except repeats of its own
    trigger or target: an item is never its own negative. The paper specifies neither temperature nor direction; here
    the loss goes from trigger to target.

    Args:
        vectors: ẑ [U, D] of different items.
        trigger: int64 [B], the row of each pair's trigger.
        target: int64 [B], the row of each pair's target.
        temperature: divides the cosines; above 0.
        spared: int64 [E] each, rows of an item and of another that is not its negative although it is in the batch.
    """
    unit, n_pairs = F.normalize(world().grad_all_reduce(vectors), dim=1), len(trigger)
    columns, column, times = target.unique(return_inverse=True, return_counts=True)
    trigger, column = world().part(trigger), world().part(column)
    rows, row = trigger.unique(return_inverse=True)
    # A trigger that is also a target of another pair must not meet itself.
    no_negatives = (rows[:, None] == columns).nonzero().unbind(1)
    if spared is not None:
        no_negatives = _joined(no_negatives, _cells(spared, rows, columns, len(vectors)))
    sides = unit.index_select(0, rows), unit.index_select(0, columns) / temperature
    return world().all_reduce_sum(_InfoNCE.apply(*sides, times.to(unit).log(), row, column, no_negatives, n_pairs))


def _cells(pairs: tuple[Tensor, Tensor], rows: Tensor, columns: Tensor, n_items: int) -> tuple[Tensor, Tensor]:
    """Return the places of ``pairs`` of items [E] in the matrix with items ``rows`` [R] and ``columns`` [C]."""
    places = []
    for items, listed in zip(pairs, (rows, columns)):
        place_of = items.new_full((n_items,), -1)
        place_of[listed] = torch.arange(len(listed), device=items.device)
        places.append(place_of[items])
    inside = (places[0] >= 0) & (places[1] >= 0)
    return places[0][inside], places[1][inside]


def _joined(some: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    first, second = (torch.cat(parts) for parts in zip(some, others))
    return first, second


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
        no_negatives: tuple[Tensor, Tensor],
        n_pairs: int,
    ) -> Tensor:
        own = torch.linalg.vecdot(a.index_select(0, row), b.index_select(0, column))
        logits = torch.addmm(log_times, a, b.t())  # [R, C]
        logits[no_negatives] = float("-inf")
        # Of the logits that are summed: from a known pair far above them, all would vanish, and the log of their sum.
        inside = own.masked_fill(logits[row, column].isneginf(), float("-inf"))
        highest = logits.amax(dim=1).scatter_reduce_(0, row, inside, "amax").clamp_(min=torch.finfo(a.dtype).min)
        weight = logits.sub_(highest[:, None]).exp_()
        highest_logit = highest.index_select(0, row)
        highest = torch.maximum(highest_logit, own)
        lowered = (highest_logit - highest).exp_()  # 1, but for a spared target above all negatives
        to_target = weight[row, column] * lowered
        # Remove the pair's own target from its row, then add its own logit once. Rounding cannot make a sum of
        # non-negative weights smaller than any of them, so the remainder of a row is 0 or positive.
        own_weight = (own - highest).exp_()
        total = weight.sum(dim=1).index_select(0, row) * lowered - to_target + own_weight
        ctx.save_for_backward(a, b, weight, row, column, to_target, own_weight, total, lowered)
        ctx.n_pairs = n_pairs
        return (highest + total.log() - own).sum() / n_pairs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        a, b, weight, row, column, to_target, own_weight, total, lowered = ctx.saved_tensors
        slope = weight * a.new_zeros(len(a)).index_add_(0, row, lowered / total)[:, None]
        slope.index_put_((row, column), (own_weight - to_target) / total - 1, accumulate=True)
        slope *= grad / ctx.n_pairs
        return slope @ b, slope.t() @ a, None, None, None, None, None
