"""Running mean of the weights over the last steps, which recommends better than the last weights alone.

Stored in the optimiser's state, so that it is saved along with that state (Polyak & Juditsky 1992 average all steps; an
exponential mean with a horizon forgets the early ones).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MEAN = "mean"


@torch.no_grad()
def average_weights(optimizer: torch.optim.Optimizer, step: int, *, horizon: float) -> None:
    """Update the mean with the weights after ``step`` of 0 …; call after ``optimizer.step()``.

    Args:
        optimizer: weights without a gradient have no mean.
        step: number of earlier steps.
        horizon: steps averaged, roughly: the mean moves by 1 / horizon towards the weights, at first by 1 / (step + 1).
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
    for weight in weights:
        if _MEAN not in optimizer.state[weight]:
            optimizer.state[weight][_MEAN] = weight.detach().clone()
    means = [optimizer.state[weight][_MEAN] for weight in weights]
    torch._foreach_lerp_(means, weights, 1 / min(max(horizon, 1.0), step + 1))


@torch.no_grad()
def swap_weights(optimizer: torch.optim.Optimizer) -> None:
    """Swap weights and their mean; calling it twice restores the original state."""
    for weight, mean in _with_mean(optimizer):
        kept = weight.clone()
        weight.copy_(mean)
        mean.copy_(kept)


def _with_mean(optimizer: torch.optim.Optimizer) -> list[tuple[nn.Parameter, Tensor]]:
    states = (
        (weight, optimizer.state.get(weight, {})) for group in optimizer.param_groups for weight in group["params"]
    )
    return [(weight, state[_MEAN]) for weight, state in states if _MEAN in state]
