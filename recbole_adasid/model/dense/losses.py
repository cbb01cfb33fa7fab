"""Cross-entropy over items: over all of them, or over a sample with log-Q correction."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recbole_adasid.model.dense.head import scores_of
from recbole_adasid.model.dense.repeats import Bias


class Losses(NamedTuple):
    """Weights of the two losses, and when the dense one samples candidates."""

    generative: float = 1.0
    dense: float = 1.0
    full_softmax_items: int = 50_000
    """Maximum number of items for a dense loss over all of them."""
    sampled_items: int = 8192
    """M, candidates drawn per step beyond that."""
    label_smoothing: float = 0.0
    """ε of the dense loss."""


def full_softmax_loss(
    queries: Tensor, keys: Tensor, targets: Tensor, label_smoothing: float = 0.0, bias: Bias | None = None
) -> Tensor:
    """Return the mean −log softmax(queries · keysᵀ) at ``targets``.

    Args:
        queries: [E, D], already divided by the temperature.
        keys: [C, D], of all candidates.
        targets: int64 [E], rows of ``keys``.
        label_smoothing: ε: the target counts 1 − ε, the mean over all candidates ε (Szegedy et al. 2016, section 7).
        bias: added to some of the scores [E, C].
    """
    return nn.functional.cross_entropy(scores_of(queries, keys, bias), targets, label_smoothing=label_smoothing)


def sampled_softmax_loss(
    queries: Tensor,
    target_keys: Tensor,
    targets: Tensor,
    drawn_keys: Tensor,
    drawn: Tensor,
    log_probability: Tensor,
    label_smoothing: float = 0.0,
    bias: Bias | None = None,
    target_bias: Tensor | float = 0.0,
) -> Tensor:
    """Return the mean cross-entropy of each target among itself and M drawn candidates, log-Q corrected.

    The score of a draw is lowered by the log of its expected count among M, so that the sum over draws is, in
    expectation, the sum over all candidates except the target (Bengio & Senécal 2008). The target is always included:
    its score is not corrected, and draws of it do not count.

    Args:
        queries: [E, D], already divided by the temperature.
        target_keys: [E, D], of the targets.
        targets: int64 [E], candidates.
        drawn_keys: [M, D], of the draws.
        drawn: int64 [M], candidates, drawn with replacement.
        log_probability: [C], log of each candidate's sampling probability.
        label_smoothing: ε, as in :func:`full_softmax_loss`; the mean over all candidates is estimated from the draws,
            weighted by inverse sampling probability.
        bias: added to some of the draws' scores [E, M].
        target_bias: added to the targets' scores, [E].
    """
    expected = log_probability + math.log(len(drawn))
    own = (queries * target_keys).sum(1).float() + target_bias
    scores = scores_of(queries, drawn_keys, bias)
    others = (scores - expected[drawn]).masked_fill(targets[:, None] == drawn, -torch.inf)
    total = torch.logsumexp(torch.cat([own[:, None], others], dim=1), dim=1)
    if not label_smoothing:
        return (total - own).mean()
    mean = scores @ torch.softmax(-log_probability[drawn], dim=0)
    return (total - (1 - label_smoothing) * own - label_smoothing * mean).mean()


class Draws(nn.Module):
    """Draws candidates with replacement by weight, by searching the cumulative sum.

    Args:
        weights: float [C], above 0.
    """

    running: Tensor
    log_probability: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        weights = weights.double()
        self.register_buffer("running", weights.cumsum(0) / weights.sum(), persistent=False)
        self.register_buffer("log_probability", (weights / weights.sum()).log().float(), persistent=False)

    def forward(self, count: int) -> Tensor:
        """Return ``count`` candidates, int64 [count]."""
        at = torch.rand(count, dtype=torch.float64, device=self.running.device)
        return torch.searchsorted(self.running, at, right=True).clamp_(max=len(self.running) - 1)
