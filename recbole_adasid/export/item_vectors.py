"""The item vectors that an encoder over items reads."""

from __future__ import annotations

import torch
from torch import Tensor

from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel

_AT_ONCE = 65_536


@torch.no_grad()
def item_vectors(model: TIGERModel) -> Tensor:
    """Return the encoder's input for all items, float32 [N + 1, D]; row 0 is padding.

    Raises:
        ValueError: if the encoder reads tokens.
    """
    network, catalogue = model.network, model.catalogue
    if network.item_tokens is None:
        raise ValueError("the encoder reads tokens, not items: there are no item vectors")
    items = torch.arange(catalogue.n_items + 1, device=catalogue.tokens.device)
    parts = []
    for part in items.split(_AT_ONCE):
        vectors = network.item_tokens(network.vocabulary.token_ids(catalogue(part)))
        if isinstance(model, LIGERModel):
            vectors = vectors + model.content(part, model.content.trained)
        parts.append(vectors)
    vectors = torch.cat(parts)
    vectors[0] = 0  # its codes are those of an item
    return vectors
