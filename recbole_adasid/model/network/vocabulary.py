"""The token table: one row for padding and start, then the codewords of every level, then hashed users."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.attention import linear


class Vocabulary(nn.Module):
    """Embedding of SID tokens on the way in and, transposed, their logits on the way out.

    A token is a code of a level: code 3 of level 0 and code 3 of level 1 are different rows. The table is tied to the
    output as in T5, which draws rows from N(0, 1) and scales them by D^-½ going out. Here rows are drawn from N(0, 1/D)
    and scaled by D^½ going in: the same function, but Adam's steps, which are scale-free, then move the logits D^½
    times as far. Logits are per level: a full softmax with the tokens masked that cannot occur at this position is
    equivalent, only slower.

    Raises:
        ValueError: a level has no codeword.
    """

    offsets: Tensor

    def __init__(self, *, level_sizes: Sequence[int], d_model: int, n_user_tokens: int = 0) -> None:
        super().__init__()
        if not level_sizes or min(level_sizes) < 1:
            raise ValueError(f"level sizes {list(level_sizes)}: every level needs at least one codeword")
        self.level_sizes = list(level_sizes)
        self.n_user_tokens = n_user_tokens
        starts = torch.tensor([1, *level_sizes]).cumsum(0)
        self.register_buffer("offsets", starts[:-1], persistent=False)
        self.first_user = 1 + int(sum(level_sizes))
        self.embedding = nn.Embedding(self.first_user + n_user_tokens, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)

    def token_ids(self, codes: Tensor) -> Tensor:
        """Map codes [..., ≤ S] of levels 0, 1, … to rows of the table."""
        return codes + self.offsets[: codes.shape[-1]]

    def user_ids(self, users: Tensor) -> Tensor:
        """Map user ids [...] to rows of the table: id modulo the number of user tokens."""
        return self.first_user + users % self.n_user_tokens

    def forward(self, ids: Tensor) -> Tensor:
        """Embed rows ``ids`` [...] → [..., D]; row 0 is padding in the encoder and start in the decoder."""
        return self.embedding(ids) * self.embedding.embedding_dim**0.5

    def logits(self, hidden: Tensor, level: int) -> Tensor:
        """Score the codewords of ``level`` from hidden states [..., D] → [..., K], always in float32.

        The product is small, and bfloat16 logits would tie often: ranking needs the digits.
        """
        start = int(sum(self.level_sizes[:level])) + 1
        rows = self.embedding.weight[start : start + self.level_sizes[level]]
        with torch.autocast(hidden.device.type, enabled=False):
            return hidden.float() @ rows.float().t()


class ItemTokens(nn.Module):
    """One vector per item: Σ over levels s of W_s · e_s, its S tokens' concatenated embeddings e_s times one matrix.

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
