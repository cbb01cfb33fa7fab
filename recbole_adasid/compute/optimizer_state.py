"""An optimiser's state as named tensors and plain numbers, so that it can be stored without pickling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbole_adasid.io.tensor_file import below

PREFIX = "optimizer"


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and numbers of a state, each named ``optimizer/PARAMETER/NAME``."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}  # some optimisers count their steps as plain numbers
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            (tensors if isinstance(value, Tensor) else numbers)[f"{PREFIX}/{index}/{name}"] = value
    return tensors, numbers


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Restore the state from :func:`optimizer_state` in an optimiser of the same kind and parameters.

    Args:
        optimizer: its settings, such as the learning rate, are unchanged.
        tensors, numbers: the state; other entries are ignored.
    """
    document = optimizer.state_dict()
    document["state"] = {}
    for place, value in {**below(PREFIX, tensors), **below(PREFIX, numbers)}.items():
        index, name = place.split("/")
        document["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(document)
