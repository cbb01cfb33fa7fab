"""A small LIGER and histories for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.head import DenseHead
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Losses
from recbole_adasid.model.liger import LIGERModel
from small_tiger import small_network

N = 30
COLD = [3, 17, 29]
LENGTHS = torch.tensor([7, 2, 5, 4])


def build(
    *,
    id_embedding: bool = True,
    id_dropout: float = 0.0,
    attention: str = "causal",
    losses: Losses | None = None,
    n_user_tokens: int = 0,
    repeat_bias: float | None = 0.35,
    new_item_bias: float = 0.0,
    **options: Any,
) -> LIGERModel:
    torch.manual_seed(0)
    catalogue = Catalogue(torch.randint(4, (N, 3)), [4, 4, 4])
    trained = torch.ones(N + 1, dtype=torch.bool)
    trained[[0, *COLD]] = False
    content = ItemContent(
        torch.randn(N, 6) * 3 + 1, trained, d_model=16, id_embedding=id_embedding, id_dropout=id_dropout
    )
    reading = {"n_user_tokens": n_user_tokens, "encoder_attention": attention, "encoder_input": "items"}
    network = small_network(catalogue, n_decoder_layers=1, **reading)
    biases: dict[str, Any] = {"repeat_bias": repeat_bias is not None, "new_item_bias": new_item_bias}
    head = DenseHead(d_model=16, temperature=0.2, **biases)
    if head.repeat is not None:
        head.repeat.data.fill_(repeat_bias)
    if content.ids is not None:
        torch.nn.init.normal_(content.ids.weight)
    return LIGERModel(network=network, catalogue=catalogue, content=content, head=head, losses=losses, **options)


def some_sequences() -> Tensor:
    """Four histories; two have items that come back."""
    torch.manual_seed(1)
    warm = torch.tensor([item for item in range(1, N + 1) if item not in COLD])
    items = warm[torch.randint(len(warm), (4, 7))]
    items[0, [2, 5, 6]] = int(items[0, 0])  # which comes back, once at the end
    items[3, 2] = int(items[3, 0])
    return items * (torch.arange(7) < LENGTHS[:, None])
