"""How probable each next token is: the softmax behind the decoder, and its loss.

Letters: B histories, Q prefixes of each, K codewords of a level, E examples of S tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.prefix_standing import Standing
from recbole_adasid.model.network.vocabulary import Vocabulary
from recbole_adasid.settings.errors import check_name

_LOWEST = -1e30  # a sum of nothing, as after a prefix that no item has
N_AGES = 16
"""Ages with a bias of their own; that of the last one is shared by all older items."""
TOKEN_SOFTMAXES = ("tree", "level")
_STEP = 8.0  # the optimiser moves all parameters at the same rate, and the bias of seen Semantic IDs has far to go


class TokenSoftmax(nn.Module):
    """Turns decoder states into log-probabilities of the next token.

    Over a "level", as in TIGER's paper, all its codewords share the probability, whether or not they continue a
    Semantic ID of the catalogue; the search skips those that do not. Over the "tree", only those that do take part: the
    probabilities of all trained items sum to 1, and no capacity is spent on learning which Semantic IDs exist.

    Args:
        vocabulary: the network's.
        over: "tree" or "level".
        label_smoothing: ε of the loss: the target counts 1 − ε, and the mean over the codewords that take part ε
            (Szegedy et al. 2016, section 7).
        history_bias: over the tree, learn numbers, initially 0, to add to the logits of tokens by which history items
            continue: for each level and age of such an item, and one for tokens that lead to nothing but Semantic IDs
            of the history. TIGER's paper has none.

    Raises:
        ValueError: unknown ``over``.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        over: str = "level",
        label_smoothing: float = 0.0,
        history_bias: bool = False,
    ) -> None:
        super().__init__()
        check_name("token_softmax", over, TOKEN_SOFTMAXES)
        self._vocabulary = [vocabulary]  # in a list: its parameters are the network's, not also ours
        self.over_tree, self.label_smoothing = over == "tree", label_smoothing
        n_levels = len(vocabulary.level_sizes)
        biased = self.over_tree and history_bias
        self.continued = nn.Parameter(torch.zeros(n_levels, N_AGES)) if biased else None
        self.seen = nn.Parameter(torch.zeros(())) if biased else None

    @property
    def reads_history(self) -> bool:
        """Whether probabilities depend on the history's Semantic IDs directly, not only through the states."""
        return self.continued is not None

    @property
    def seen_bias(self) -> Tensor | float:
        """What is added to the logits of tokens that lead to nothing but Semantic IDs of the history."""
        return 0.0 if self.seen is None else _STEP * self.seen

    def forward(self, hidden: Tensor, level: int, standing: Standing) -> Tensor:
        """Return the log-probabilities of the codewords of ``level``, float32 [B, Q, K], after Q prefixes.

        Over the tree, codewords that continue no Semantic ID get −inf. Those of trained items sum to 1; an item added
        later gets the share that it would have among all of them, which leaves the others' as they are.

        Args:
            hidden: [B, Q, D], states after the prefixes.
            standing: of the prefixes.

        Raises:
            ValueError: the softmax is over the tree, and the prefixes' places are missing.
        """
        (vocabulary,) = self._vocabulary
        scores, (known, places) = vocabulary.logits(hidden, level), standing
        if not self.over_tree:
            return scores.log_softmax(-1)
        if places is None:
            raise ValueError("the softmax is over a tree of Semantic IDs: pass the tree, or set token_softmax to level")
        trained, everything = places.leaves(level)
        if self.continued is not None and known is not None:
            n_codes = scores.shape[-1]
            scores = scores + known.weigh(level, self.continued[level], n_codes)
            scores = scores + self.seen_bias * (known.counts(level, n_codes) >= everything)
        found = scores.masked_fill(trained == 0, -torch.inf)
        total = found.logsumexp(-1, keepdim=True).clamp(min=_LOWEST)
        if places.everything is None:
            return found - total
        of_all = scores.masked_fill((trained == 0) & (everything == 0), -torch.inf)
        of_all = of_all - of_all.logsumexp(-1, keepdim=True).clamp(min=_LOWEST)
        return torch.where(trained > 0, found - total, of_all)

    def loss(self, hidden: Tensor, tokens: Tensor, standing: Standing) -> Tensor:
        """Return the cross-entropy [E] of ``tokens`` int64 [E, S] given decoder states [E, S, D], mean over levels.

        ``standing`` is that of the empty prefixes.
        """
        total = hidden.new_zeros(len(tokens), dtype=torch.float32)
        for level, codes in enumerate(tokens.split(1, dim=1)):
            found = self(hidden[:, level, None], level, standing)[:, 0]
            total = total + _cross_entropy(found, codes, self.label_smoothing)
            standing = standing.after(level, codes)
        return total / tokens.shape[1]


def _cross_entropy(log_probability: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy [E] of ``targets`` [E, 1] given log-probabilities [E, K]; smoothing skips −inf."""
    own = log_probability.gather(1, targets)[:, 0]
    if not smoothing:
        return -own
    possible = log_probability > -torch.inf
    mean = log_probability.masked_fill(~possible, 0).sum(1) / possible.sum(1)
    return -(1 - smoothing) * own - smoothing * mean
