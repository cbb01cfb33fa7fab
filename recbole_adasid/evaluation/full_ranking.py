"""The top places of a full ranking, with the held-out item after every item of equal score.

Which of equal scores `torch.topk` returns depends on machine and version. A model with many ties, such as counts of
interactions, would be measured by chance; ranked after its ties, the held-out item gets no hit for free.

Letters: B users, N items, k places.
"""

from __future__ import annotations

import torch
from torch import Tensor


def first_places(scores: Tensor, held_out: Tensor, k: int) -> Tensor:
    """Return the k best items of each user [B, k], best first; 0 if fewer can be recommended.

    Args:
        scores: [B, N + 1] of all items; −∞ for items that must not be recommended, such as number 0.
        held_out: one item per user [B].

    Raises:
        FloatingPointError: if a score is NaN, which cannot be ranked.
    """
    if bool(scores.isnan().any()):
        raise FloatingPointError("the model's scores contain NaN: lower learning_rate, or check its settings")
    own = scores.gather(1, held_out[:, None])
    others = scores.scatter(1, held_out[:, None], -torch.inf)
    place = (others >= own).sum(1, keepdim=True).masked_fill(own == -torch.inf, k)  # from 0
    best = others.topk(min(k, scores.shape[1]), dim=1)
    items = best.indices.masked_fill(best.values == -torch.inf, 0)
    items = torch.nn.functional.pad(items, (0, k - items.shape[1]))
    column = torch.arange(k, device=scores.device)[None]
    behind = items.gather(1, (column - (column > place).long()).clamp(min=0))
    return torch.where(column == place, held_out[:, None], behind)
