"""How probable each next token is: the softmax behind the decoder, and its loss.

Letters: B histories, Q prefixes of each, K codewords of a level, E examples of S tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.network.vocabulary import Vocabulary
from recbole_adasid.model.prefix_tree import PrefixTree

TOKEN_SOFTMAXES = ("tree", "level")
_STEP = 8.0  # the optimiser moves all parameters alike, and the bias of seen Semantic IDs has far to go


class TokenSoftmax(nn.Module):
    """Turns decoder states into log-probabilities of the next token.

    Over a "level", as in TIGER's paper, all its codewords share the probability, whether or not they continue a
    Semantic ID of the catalogue; the search skips those that do not. Over the "tree", only those that do take part: the
    probabilities of all items sum to 1, and no capacity is spent on learning which Semantic IDs exist.

    Args:
        vocabulary: the network's.
        over: "tree" or "level".
        label_smoothing: ε of the loss: the target counts 1 − ε, and the mean over the codewords that take part ε
            (Szegedy et al. 2016, section 7).
        token_repeat_bias: learn S numbers, initially 0, to add to the logit of a token if a history item has the same
            tokens up to it. TIGER's paper has none.
        repeat_bias: over the tree, learn a number, initially 0, to add to the logit of a token that leads to nothing
            but Semantic IDs of the history. TIGER's paper has none.

    Raises:
        ValueError: unknown ``over``.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        over: str = "level",
        label_smoothing: float = 0.0,
        token_repeat_bias: bool = False,
        repeat_bias: bool = False,
    ) -> None:
        super().__init__()
        if over not in TOKEN_SOFTMAXES:
            raise ValueError(f"token_softmax is {over!r}, must be one of {', '.join(TOKEN_SOFTMAXES)}")
        self._vocabulary = [vocabulary]  # in a list: its parameters are the network's, not also ours
        self.over_tree, self.label_smoothing = over == "tree", label_smoothing
        n_levels = len(vocabulary.level_sizes)
        self.repeat = nn.Parameter(torch.zeros(n_levels)) if token_repeat_bias else None
        self.seen = nn.Parameter(torch.zeros(())) if self.over_tree and repeat_bias else None

    @property
    def reads_history(self) -> bool:
        """Whether probabilities depend on the history's Semantic IDs directly, not only through the states."""
        return self.repeat is not None or self.seen is not None

    @property
    def seen_bias(self) -> Tensor | float:
        """What is added to the logits of tokens that lead to nothing but Semantic IDs of the history."""
        return 0.0 if self.seen is None else _STEP * self.seen

    def forward(
        self, hidden: Tensor, level: int, known: Continuations | None, tree: PrefixTree | None, nodes: Tensor
    ) -> Tensor:
        """Return the log-probabilities of the codewords of ``level``, float32 [B, Q, K], after Q prefixes.

        Args:
            hidden: [B, Q, D], states after the prefixes.
            known: the prefixes' continuations in the history; needed if the softmax reads it.
            tree: of the Semantic IDs that may be next; codewords that continue none get −inf. None: over a level.
            nodes: int64 [B or 1, Q], the prefixes' nodes.

        Raises:
            ValueError: the softmax is over a tree, and there is none.
        """
        (vocabulary,) = self._vocabulary
        scores = vocabulary.logits(hidden, level)
        if self.repeat is not None and known is not None:
            scores = scores + self.repeat[level] * (known.count(level, scores.shape[-1]) > 0)
        return self.normalised(scores, level, known, tree, nodes)

    def normalised(
        self, scores: Tensor, level: int, known: Continuations | None, tree: PrefixTree | None, nodes: Tensor
    ) -> Tensor:
        """Return the log-probabilities of codewords with the logits ``scores`` [B, Q, K]; rest as above."""
        if not self.over_tree:
            return scores.log_softmax(-1)
        if tree is None:
            raise ValueError("the softmax is over a tree of Semantic IDs: pass the tree, or set token_softmax to level")
        leaves = _leaves_by_code(tree, level, nodes)
        if self.seen is not None and known is not None:
            only_seen = known.count(level, scores.shape[-1]) >= leaves
            scores = scores + self.seen_bias * only_seen
        return scores.masked_fill(leaves == 0, -torch.inf).log_softmax(-1)

    def loss(
        self, hidden: Tensor, tokens: Tensor, known: Continuations | None, tree: PrefixTree | None = None
    ) -> Tensor:
        """Return the cross-entropy [E] of ``tokens`` int64 [E, S] given decoder states [E, S, D], mean over levels."""
        total, nodes = hidden.new_zeros(len(tokens), dtype=torch.float32), tokens.new_zeros(len(tokens), 1)
        for level, codes in enumerate(tokens.split(1, dim=1)):
            found = self(hidden[:, level, None], level, known, tree, nodes)[:, 0]
            total = total + _cross_entropy(found, codes, self.label_smoothing)
            known = None if known is None else known.after(level, codes)
            if self.over_tree and tree is not None:
                nodes = tree.child(level, nodes, codes).clamp_(min=0)  # of no Semantic ID of the tree: already −∞
        return total / tokens.shape[1]


def _leaves_by_code(tree: PrefixTree, level: int, nodes: Tensor) -> Tensor:
    """Return the number of Semantic IDs that continue the prefixes ``nodes`` [..., Q] by each code, [..., Q, K]."""
    size = tree.level_sizes[level]
    child, code, exists = tree.expand(level, nodes)
    counts = torch.zeros(*nodes.shape, size + 1, device=nodes.device)
    counts.scatter_(-1, torch.where(exists, code, size), tree.n_leaves(level + 1, child).float())
    return counts[..., :size]


def _cross_entropy(log_probability: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy [E] of ``targets`` [E, 1] given log-probabilities [E, K]; smoothing skips −inf."""
    own = log_probability.gather(1, targets)[:, 0]
    if not smoothing:
        return -own
    possible = log_probability > -torch.inf
    mean = log_probability.masked_fill(~possible, 0).sum(1) / possible.sum(1)
    return -(1 - smoothing) * own - smoothing * mean
