"""What an item's vector has beside its tokens: a map of its features, and an embedding of the item itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_adasid.model.attention import linear

_ID_STD = 0.02


class ItemContent(nn.Module):
    """Features of all items and, switchable, an embedding an item (Yang et al. 2024, arXiv 2411.18814, section 4).

    Items that were not trained on have no embedding of their own: their vector is that of their tokens and features.
    So that these mean the same with and without it, training leaves it out of a share of the items.

    Args:
        features: float [N + 1, d], row 0 is padding.
        trained: bool [N + 1], which items are trained on.
        d_model: D.
        id_embedding: whether there is one.
        id_dropout: share of the items that a training step takes without it.

    Raises:
        ValueError: ``id_dropout`` is no share.
    """

    features: Tensor  # float16 [N + 1, d]
    trained: Tensor  # bool [N + 1]

    def __init__(
        self, features: Tensor, trained: Tensor, *, d_model: int, id_embedding: bool = True, id_dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not 0 <= id_dropout <= 1:
            raise ValueError(f"id_dropout is {id_dropout}, it must lie between 0 and 1")
        self.register_buffer("features", features.half())
        self.register_buffer("trained", trained.clone())
        self.map = linear(features.shape[1], d_model, features.shape[1] ** -0.5)
        self.id_dropout = id_dropout
        self.ids = nn.Embedding(len(features), d_model) if id_embedding else None
        if self.ids is not None:
            nn.init.normal_(self.ids.weight, std=_ID_STD)

    def drawn(self) -> Tensor:
        """Return which items have an embedding of their own in this step, bool [N + 1]."""
        if not self.training or not self.id_dropout:
            return self.trained
        return self.trained & (torch.rand(len(self.trained), device=self.trained.device) >= self.id_dropout)

    def forward(self, items: Tensor, with_id: Tensor) -> Tensor:
        """Return vectors [..., D] of ``items`` int64 [...]; ``with_id`` [N + 1] as of :meth:`drawn`."""
        mapped = self.map(self.features[items].float())
        if self.ids is None:
            return mapped
        own = self.ids(items.clamp(max=self.ids.num_embeddings - 1)) * self.ids.embedding_dim**0.5
        return mapped + own * with_id[items][..., None]

    def extended(self, more: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and ``trained`` of these items and of further ones, whose features are float [A, d]."""
        features = torch.cat([self.features, more.to(self.features)])
        return features, nn.functional.pad(self.trained, (0, len(more)), value=False)
