"""The norm of a gradient."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Return the Euclidean norm of all gradients together, a scalar; non-finite if any entry is.

    Parameters without a gradient count as zero.
    """
    norms = [torch.linalg.vector_norm(parameter.grad) for parameter in parameters if parameter.grad is not None]
    return torch.linalg.vector_norm(torch.stack(norms)) if norms else torch.zeros(())
