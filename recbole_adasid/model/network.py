"""TIGER's network: a T5-style encoder–decoder over semantic-ID tokens (Rajput et al. 2023, arXiv 2305.05065)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recbole_adasid.model.attention import CrossAttention, KeyValueCache, SelfAttention
from recbole_adasid.model.block import DecoderLayer, EncoderLayer
from recbole_adasid.model.feed_forward import FeedForward
from recbole_adasid.model.position import RelativePositionBias, mask_bias
from recbole_adasid.model.stack import Decoder, Encoder, Memory, Tree
from recbole_adasid.model.vocabulary import Vocabulary

NETWORK_SETTINGS = (
    "d_model",
    "d_head",
    "n_heads",
    "d_ff",
    "n_encoder_layers",
    "n_decoder_layers",
    "dropout",
    "n_user_tokens",
)
"""The settings that a network's shape and training depend on, beside the sizes of its levels."""


class TIGERNetwork(nn.Module):
    """Reads a history of items, each S tokens, and predicts the S tokens of the next item.

    Args:
        level_sizes: codewords of each of the S levels.
        d_model, d_head, n_heads, d_ff: widths of the stream, of a head, number of heads, width of the feed-forward.
        n_encoder_layers, n_decoder_layers: depth.
        dropout: everywhere T5 has it.
        n_user_tokens: > 0 puts a token for the user (hashed: id modulo this) before the history, as in TIGER's paper.
    """

    def __init__(
        self,
        *,
        level_sizes: Sequence[int],
        d_model: int,
        d_head: int,
        n_heads: int,
        d_ff: int,
        n_encoder_layers: int,
        n_decoder_layers: int,
        dropout: float,
        n_user_tokens: int = 0,
    ) -> None:
        super().__init__()
        heads = {"d_model": d_model, "d_head": d_head, "n_heads": n_heads}

        def encoder_layer() -> EncoderLayer:
            return EncoderLayer(
                d_model=d_model,
                attention=SelfAttention(**heads, dropout=dropout),
                feed_forward=FeedForward(d_model=d_model, d_ff=d_ff, dropout=dropout),
                dropout=dropout,
            )

        def decoder_layer() -> DecoderLayer:
            return DecoderLayer(
                d_model=d_model,
                attention=SelfAttention(**heads, dropout=dropout),
                cross_attention=CrossAttention(**heads, dropout=dropout),
                feed_forward=FeedForward(d_model=d_model, d_ff=d_ff, dropout=dropout),
                dropout=dropout,
            )

        self.vocabulary = Vocabulary(level_sizes=level_sizes, d_model=d_model, n_user_tokens=n_user_tokens)
        self.encoder = Encoder(
            d_model=d_model,
            layers=[encoder_layer() for _ in range(n_encoder_layers)],
            position_bias=RelativePositionBias(n_heads=n_heads, d_model=d_model, bidirectional=True),
            dropout=dropout,
        )
        self.decoder = Decoder(
            d_model=d_model,
            layers=[decoder_layer() for _ in range(n_decoder_layers)],
            position_bias=RelativePositionBias(n_heads=n_heads, d_model=d_model, bidirectional=False),
            dropout=dropout,
        )

    def encode(self, history_tokens: Tensor, lengths: Tensor, users: Tensor | None = None) -> Memory:
        """Encode histories.

        Args:
            history_tokens: int64 [B, T, S], codes per level, oldest item first; what follows ``lengths`` is ignored.
            lengths: int64 [B], items in each history. An empty history is read as one padding item.
            users: int64 [B], needed when there are user tokens.

        Raises:
            ValueError: ``users`` is missing though the network has user tokens.
        """
        n_levels = history_tokens.shape[2]
        lengths = lengths.clamp(min=1) * n_levels
        positions = torch.arange(history_tokens.shape[1] * n_levels, device=lengths.device)
        valid = positions < lengths[:, None]
        ids = self.vocabulary.token_ids(history_tokens).flatten(1)
        if self.vocabulary.n_user_tokens:
            if users is None:
                raise ValueError("this network has user tokens, but no user ids were given: pass users=")
            ids = torch.cat([self.vocabulary.user_ids(users)[:, None], ids], dim=1)
            valid = nn.functional.pad(valid, (1, 0), value=True)
        # Batches of equal lengths are common and need no mask; asking a GPU whether this is one would stall it.
        unpadded = valid.device.type == "cpu" and bool(valid.all())
        mask = None if unpadded else mask_bias(valid)[:, None, None]
        return self.decoder.project(self.encoder(self.vocabulary(ids * valid), mask), mask)

    def decode(
        self, token_ids: Tensor, tree: Tree, memory: Memory, caches: Sequence[KeyValueCache] | None = None
    ) -> Tensor:
        """Return hidden states [B, Q, D] after tokens [B or 1, Q] (rows of the vocabulary).

        Args:
            caches: of earlier steps, from ``new_caches``.
        """
        embedded = self.vocabulary(token_ids).expand(memory.batch_size, -1, -1)
        return self.decoder(embedded, tree, memory, caches)

    def new_caches(self, capacity: int) -> list[KeyValueCache]:
        """Return empty caches for decoding up to ``capacity`` tokens step by step, one a layer."""
        return [KeyValueCache(capacity) for _ in self.decoder.layers]

    def loss(
        self, history_tokens: Tensor, lengths: Tensor, target_tokens: Tensor, users: Tensor | None = None
    ) -> Tensor:
        """Return the cross-entropy of the next item's tokens, averaged over examples and levels.

        Args:
            history_tokens, lengths, users: see ``encode``.
            target_tokens: int64 [B, S], codes per level.
        """
        memory = self.encode(history_tokens, lengths, users)
        inputs = nn.functional.pad(self.vocabulary.token_ids(target_tokens[:, :-1]), (1, 0))
        hidden = self.decode(inputs, Tree.sequence(inputs.shape[1], inputs.device), memory)
        per_level = [
            nn.functional.cross_entropy(self.vocabulary.logits(hidden[:, level], level), target_tokens[:, level])
            for level in range(target_tokens.shape[1])
        ]
        return torch.stack(per_level).mean()
