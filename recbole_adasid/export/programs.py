"""The network as modules for torch.export: histories in, probabilities of the next token out.

Letters: B histories of T items, M positions of the encoder (T, or T · S), W prefixes of P tokens, n decoder layers.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from recbole_adasid.export.item_vectors import item_vectors
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.network.attention import CrossAttention
from recbole_adasid.model.network.position import mask_bias
from recbole_adasid.model.network.stack import Memory, Tree
from recbole_adasid.model.tiger import TIGERModel


class HistoryStates(nn.Module):
    """The encoder with its inputs for every item: item numbers in, states out.

    It shares the model's modules and registers only those in use, as torch.export saves all registered ones.
    """

    tokens: Tensor  # int64 [N + 1, S], rows of the vocabulary
    vectors: Tensor  # [N + 1, D]

    def __init__(self, model: TIGERModel) -> None:
        super().__init__()
        network = model.network
        self.causal, self.reads_items = network.causal, network.item_tokens is not None
        self.positions = 1 if self.reads_items else len(network.vocabulary.level_sizes)  # of an item
        self.encoder = network.encoder
        if self.reads_items:
            self.register_buffer("vectors", item_vectors(model))
        else:
            self.vocabulary = network.vocabulary
            tokens = network.vocabulary.token_ids(model.catalogue.tokens.long())
            tokens[0] = 0  # padding, whose codes are those of an item
            self.register_buffer("tokens", tokens)

    def forward(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return states [B, M, D] of histories [B, T] of ``lengths`` [B], and which are not padding, bool [B, M]."""
        embedded = self.vectors[items] if self.reads_items else self.vocabulary(self.tokens[items].flatten(1))
        place = torch.arange(embedded.shape[1], device=items.device) // self.positions
        valid = place < lengths.clamp(min=1)[:, None]
        mask = (place[:, None] >= place)[None, None] if self.causal else valid[:, None, None]
        return self.encoder(embedded, mask_bias(mask)), valid


class HistoryEncoder(nn.Module):
    """Encodes histories as the keys and values of the decoder's cross-attention."""

    def __init__(self, model: TIGERModel) -> None:
        super().__init__()
        network = model.network
        self.states = HistoryStates(model)
        self.projections = nn.ModuleList(layer.cross_attention for layer in network.decoder.layers)  # type: ignore[misc]

    def forward(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Encode histories, int64 [B, T], padded on the right with 0, of ``lengths`` int64 [B].

        Returns:
            Keys and values [n, B, H, M, d], and which positions are not padding, bool [B, M].
        """
        states, valid = self.states(items, lengths)
        keys, values = zip(*(cast(CrossAttention, one).project(states) for one in self.projections))
        return torch.stack(keys), torch.stack(values), valid


class DecodingStep(nn.Module):
    """Maps encoded histories and prefixes to the log-probabilities of the next token among all of its level.

    Prefixes are decoded from scratch: Semantic IDs are short, and without a cache the step is stateless.
    """

    level_of_row: Tensor  # int64 [V], the level of each token; −1 for row 0

    def __init__(self, model: TIGERModel) -> None:
        super().__init__()
        network = model.network
        self.vocabulary, self.decoder = network.vocabulary, network.decoder
        sizes = torch.tensor(network.vocabulary.level_sizes)
        levels = torch.arange(len(sizes)).repeat_interleave(sizes)
        self.register_buffer("level_of_row", nn.functional.pad(levels, (1, 0), value=-1))

    def forward(self, prefixes: Tensor, keys: Tensor, values: Tensor, valid: Tensor) -> Tensor:
        """Return log-probabilities float32 [B, W, V] of the tokens after prefixes; −inf for those of other levels.

        Args:
            prefixes: int64 [B, W, P], each 0 followed by the tokens so far.
            keys, values, valid: the encoder's output.
        """
        width, length = prefixes.shape[1:]
        pairs = list(zip(keys.unbind(), values.unbind()))
        memory = Memory(pairs, mask_bias(valid)[:, None, None], keys)
        tree = Tree.sequence(length, prefixes.device, groups=width)
        hidden = self.decoder(self.vocabulary(prefixes.flatten(1)), tree, memory)
        last = hidden.unflatten(1, (width, length))[:, :, -1]
        logits = last.float() @ self.vocabulary.embedding.weight[: len(self.level_of_row)].float().t()
        return logits.masked_fill(self.level_of_row != length - 1, -torch.inf).log_softmax(-1)


class UserVector(nn.Module):
    """LIGER's user vector: its dot products with the item keys are the dense scores."""

    def __init__(self, model: LIGERModel) -> None:
        super().__init__()
        self.states, self.head = HistoryStates(model), model.head

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return [B, D] for histories int64 [B, T], padded on the right with 0, of ``lengths`` int64 [B]."""
        states, _ = self.states(items, lengths)
        last = lengths.clamp(min=1) - 1
        return self.head.queries(states[torch.arange(states.shape[0], device=last.device), last])
