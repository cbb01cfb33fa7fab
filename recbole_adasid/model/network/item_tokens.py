"""One vector per item: a linear map of its token embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.attention import linear
from recbole_adasid.model.network.vocabulary import Vocabulary


class ItemTokens(nn.Module):
    """Σ over levels s of W_s · e_s: the concatenated embeddings e_s of an item's S tokens times one matrix.

    Levels have few codewords and histories many items: each codeword is multiplied by its W_s once, and an item sums S
    rows of the result.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        width, n_levels = vocabulary.embedding.embedding_dim, len(vocabulary.level_sizes)
        self._vocabulary = [vocabulary]  # in a list: its parameters are the network's, not also ours
        self.maps = nn.ModuleList(linear(width, width, (n_levels * width) ** -0.5) for _ in range(n_levels))

    def forward(self, ids: Tensor) -> Tensor:
        """Map rows of the vocabulary [..., S], of levels 0, 1, …, to vectors [..., D]; padding, row 0, to 0."""
        bags = nn.functional.embedding_bag(ids.flatten(0, -2), self.table(), mode="sum")
        return bags.view(*ids.shape[:-1], -1)

    def table(self) -> Tensor:
        """Return the contribution of each token row of the vocabulary to an item, [V, D]; row 0 contributes nothing."""
        (vocabulary,) = self._vocabulary
        sizes = vocabulary.level_sizes
        tokens = vocabulary(torch.arange(1, 1 + sum(sizes), device=vocabulary.offsets.device))
        mapped = [one(rows).to(tokens.dtype) for one, rows in zip(self.maps, tokens.split(sizes))]
        return nn.functional.pad(torch.cat(mapped), (0, 0, 1, 0))
