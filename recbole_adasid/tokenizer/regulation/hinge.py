"""Σ w·(m − d) over pairs of a batch, d = 1 − cosine: value and gradient in one sparse product."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbole_adasid.tokenizer.regulation.overlap import Overlaps


def hinge_sum(direction: Tensor, pairs: Overlaps, weight: Tensor, margin: Tensor) -> Tensor:
    """Return Σ_P w·(m − d), where ``weight`` [P] is 0 wherever the hinge [m − d]₊ is closed.

    Where the hinge is open it is linear in the cosine, so Σ w·sim is one quadratic form in the directions, with a
    sparse symmetric weight matrix. Gathering the vectors of every pair would cost several times as much.
    """
    open_ = weight.nonzero().squeeze(1)
    first, second = pairs.first.index_select(0, open_), pairs.second.index_select(0, open_)
    half = 0.5 * weight.index_select(0, open_)
    both = torch.stack([torch.cat([first, second]), torch.cat([second, first])])
    matrix = torch.sparse_coo_tensor(both, half.repeat(2), (len(direction), len(direction)), check_invariants=False)
    return (weight * (margin - 1)).sum() + _QuadraticForm.apply(direction, matrix)


class _QuadraticForm(torch.autograd.Function):
    """Σ_ij W_ij u_iᵀu_j for constant symmetric W; its gradient 2·W·u comes with its value."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, matrix: Tensor) -> Tensor:
        product = torch.sparse.mm(matrix, vectors)
        ctx.save_for_backward(product)
        return (product * vectors).sum()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return 2 * grad * ctx.saved_tensors[0], None
