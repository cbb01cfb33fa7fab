"""The optimiser's parameter groups, and the learning rate of each step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

_MULTIPLIED = (nn.Linear, nn.Bilinear)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two optimiser groups: the weights of linear maps, with weight decay, and the rest, without."""
    decayed = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, _MULTIPLIED)
        for parameter in module.parameters()
        if parameter.dim() > 1
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if id(p) in decayed], "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) not in decayed], "weight_decay": 0.0},
    ]


def adamw(model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return fused AdamW over a model (one pass over all parameters per step)."""
    return torch.optim.AdamW(parameter_groups(model, weight_decay), lr=learning_rate, fused=True)


def learning_rate_factor(step: int, *, total_steps: int, warmup_fraction: float) -> float:
    """Return the share of the peak rate at `step` of 0 … `total_steps` - 1: a linear rise, then a cosine to zero."""
    warmup = math.ceil(warmup_fraction * total_steps)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total_steps - warmup)))
