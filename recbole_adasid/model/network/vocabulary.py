"""The token table: one row for padding and start, then the codewords of every level, then hashed users."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


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
