"""Parts of an item's vector in addition to its tokens: a map of its features, and an embedding of the item itself."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.attention import linear

_ID_STD = 0.02
_LEAST_DEVIATION = 1e-6
_LARGEST = torch.finfo(torch.half).max
_NO_VARIANCE = 1e-10
"""Share of the largest direction's variance: what rounding leaves of none."""
_ROWS_AT_ONCE = 16_384


class ItemContent(nn.Module):
    """Features of all items and, optionally, an embedding per item (Yang et al. 2024, arXiv 2411.18814, section 4).

    Items that were not trained on have no embedding: their vector comes from tokens and features alone. So that these
    mean the same with and without it, training drops the embedding for a share of the items.

    Features are standardised, column by column, by the mean and deviation of the trained items, and reduced to these
    items' principal columns, which keep their proportions and have variance 1 on average. A column without variance
    among the trained items is left out: what another value of it means was never learnt.

    Args:
        features: float [N, d], of the items 1 … N.
        trained: bool [N + 1], which items are trained on; 0 is padding.
        d_model: D.
        columns: C, principal columns kept; None, or d and more: the standardised features unchanged.
        id_embedding: whether items have embeddings.
        id_dropout: share of the items whose embedding a training step drops.

    Raises:
        ValueError: ``id_dropout`` is not between 0 and 1.
    """

    features: Tensor  # float16 [N + 1, C]
    trained: Tensor  # bool [N + 1]
    mean: Tensor  # [d]
    deviation: Tensor  # [d]
    directions: Tensor | None  # [C, d]; None if the columns are not reduced

    def __init__(
        self,
        features: Tensor,
        trained: Tensor,
        *,
        d_model: int,
        columns: int | None = None,
        id_embedding: bool = True,
        id_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name in ("directions", "features"):
            self.register_buffer(name, None)
        known = (features if trained[1:].all() else features[trained[1:]]).float()
        self.register_buffer("mean", known.mean(0))
        self.register_buffer("deviation", known.std(0, correction=0).clamp(min=_LEAST_DEVIATION))
        directions = None
        if columns is not None and columns < features.shape[1]:
            directions = principal_directions(map(self._reduced, known.split(_ROWS_AT_ONCE)), columns)
        self.restandardise(features, self.mean, self.deviation, directions)
        self.register_buffer("trained", trained.clone())
        self._start(d_model, id_embedding, id_dropout)

    def _start(self, d_model: int, id_embedding: bool, id_dropout: float) -> None:
        """Create the parameters for the buffers."""
        if not 0 <= id_dropout <= 1:
            raise ValueError(f"id_dropout is {id_dropout}, it must lie between 0 and 1")
        width = self.features.shape[1]
        self.map = linear(width, d_model, width**-0.5)
        self.id_dropout = id_dropout
        self.ids = nn.Embedding(len(self.features), d_model) if id_embedding else None
        if self.ids is not None:
            nn.init.normal_(self.ids.weight, std=_ID_STD)

    def restandardise(self, features: Tensor, mean: Tensor, deviation: Tensor, directions: Tensor | None) -> None:
        """Standardise and reduce the ``features`` [N, d] of the items 1 … N as a trained map expects them.

        Args:
            features: as given to the constructor.
            mean, deviation: [d].
            directions: [C, d]; None keeps all columns.
        """
        self.mean, self.deviation, self.directions = mean, deviation, directions
        parts = [self._stored(part) for part in features.split(_ROWS_AT_ONCE)]
        self.features = torch.cat([parts[0].new_zeros(1, parts[0].shape[1]), *parts])

    def drawn(self) -> Tensor:
        """Return which items keep their embedding in this step, bool [N + 1]."""
        if not self.training or not self.id_dropout:
            return self.trained
        return self.trained & (torch.rand(len(self.trained), device=self.trained.device) >= self.id_dropout)

    def forward(self, items: Tensor, with_id: Tensor) -> Tensor:
        """Return vectors [..., D] of ``items`` int64 [...]; ``with_id`` [N + 1] as from :meth:`drawn`."""
        mapped = self.map(self.features[items].float())
        if self.ids is None:
            return mapped
        own = self.ids(items.clamp(max=self.ids.num_embeddings - 1)) * self.ids.embedding_dim**0.5
        return mapped + own * with_id[items][..., None]

    def _reduced(self, features: Tensor) -> Tensor:
        """Transform features [M, d] to the network's input, [M, C]."""
        standardised = (features.to(self.mean) - self.mean) / self.deviation
        standardised.masked_fill_(self.deviation <= _LEAST_DEVIATION, 0.0)
        return standardised if self.directions is None else standardised @ self.directions.t()

    def _stored(self, features: Tensor) -> Tensor:
        """Return the network's input [M, C] as it is kept: a value beyond the range of float16 at its end."""
        return self._reduced(features).clamp_(-_LARGEST, _LARGEST).half()

    @classmethod
    def empty(
        cls,
        n_items: int,
        width: int,
        *,
        d_model: int,
        columns: int | None = None,
        id_embedding: bool = True,
        id_dropout: float = 0.0,
    ) -> ItemContent:
        """Return a placeholder for ``load_state_dict`` with ``n_items`` items and features of ``width`` columns."""
        content = cls.__new__(cls)
        nn.Module.__init__(content)
        kept = width if columns is None else min(columns, width)
        content.register_buffer("mean", torch.zeros(width))
        content.register_buffer("deviation", torch.ones(width))
        content.register_buffer("directions", torch.zeros(kept, width) if kept < width else None)
        content.register_buffer("features", torch.zeros(n_items + 1, kept, dtype=torch.half))
        content.register_buffer("trained", torch.arange(n_items + 1) > 0)
        content._start(d_model, id_embedding, id_dropout)
        return content

    def with_items(self, more: Tensor) -> ItemContent:
        """Return the content of these items and of further, untrained ones with features [A, d]."""
        wider = copy.copy(self)
        wider._buffers = dict(self._buffers)
        wider.features = torch.cat([self.features, self._stored(more)])
        wider.trained = nn.functional.pad(self.trained, (0, len(more)), value=False)
        return wider


def principal_directions(parts: Iterable[Tensor], columns: int) -> Tensor:
    """Return the ``columns`` directions of greatest variance of centred features, given as ``parts`` [M, d].

    They are scaled by one number so that the projections have variance 1 on average. Shape [columns, d]. Directions
    without variance are zeros: nothing is learnt of them, so new items must not differ there.
    """
    covariance, n_rows = torch.zeros((), dtype=torch.float64), 0
    for part in parts:
        covariance, n_rows = covariance + part.double().t() @ part.double(), n_rows + len(part)
    variance, vectors = torch.linalg.eigh(covariance / max(n_rows, 1))
    kept = (vectors * (variance > _NO_VARIANCE * variance[-1]))[:, -columns:].flip(1).t()
    largest = kept.gather(1, kept.abs().argmax(1, keepdim=True))
    mean_variance = variance[-columns:].mean().clamp(min=_LEAST_DEVIATION**2)
    return (kept * largest.sign() / mean_variance.sqrt()).float()  # a direction's sign is arbitrary: fix it
