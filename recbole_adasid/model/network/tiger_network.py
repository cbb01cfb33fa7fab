"""TIGER's network: a T5-style encoder–decoder over semantic-ID tokens (Rajput et al. 2023, arXiv 2305.05065)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from recbole_adasid.model.network.attention import KeyValueCache
from recbole_adasid.model.network.block import DecoderLayer, EncoderLayer, Widths
from recbole_adasid.model.network.continuations import Continuations
from recbole_adasid.model.network.position import RelativePositionBias, mask_bias
from recbole_adasid.model.network.prefix_standing import Standing
from recbole_adasid.model.network.settings import ENCODER_ATTENTIONS, ENCODER_INPUTS
from recbole_adasid.model.network.stack import Decoder, Encoder, Memory, Tree
from recbole_adasid.model.network.token_softmax import TokenSoftmax
from recbole_adasid.model.network.tree_places import Places
from recbole_adasid.model.network.vocabulary import ItemTokens, Vocabulary
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.settings.errors import check_name


class TIGERNetwork(nn.Module):
    """Reads a history of items, each S tokens, and predicts the S tokens of the next item.

    Args:
        level_sizes: codewords of each of the S levels.
        d_model, d_head, n_heads, d_ff: widths of the stream, of a head, number of heads, width of the feed-forward.
        n_encoder_layers, n_decoder_layers: depth.
        dropout: wherever T5 has it.
        n_user_tokens: > 0 puts a user token (hashed: id modulo this) before the history, as in TIGER's paper.
        encoder_attention: "bidirectional", as in TIGER's paper, lets all history items see each other; with "causal" an
            item sees itself and earlier ones, so that one pass trains every position: :meth:`read_sequences`.
        encoder_input: "tokens", as in TIGER's paper, or "items": one vector per item, a linear map of its tokens.
        label_smoothing, token_softmax, history_bias: see :class:`TokenSoftmax`, whose ``over`` is ``token_softmax``.

    Raises:
        ValueError: unknown ``encoder_attention``, ``encoder_input`` or ``token_softmax``.
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
        encoder_attention: str = "bidirectional",
        encoder_input: str = "tokens",
        label_smoothing: float = 0.0,
        token_softmax: str = "level",
        history_bias: bool = False,
    ) -> None:
        super().__init__()
        check_name("encoder_attention", encoder_attention, ENCODER_ATTENTIONS)
        check_name("encoder_input", encoder_input, ENCODER_INPUTS)
        self.causal = encoder_attention == "causal"
        widths = Widths(d_model, d_head, n_heads, d_ff)
        self.vocabulary = Vocabulary(level_sizes=level_sizes, d_model=d_model, n_user_tokens=n_user_tokens)
        self.softmax = TokenSoftmax(
            self.vocabulary,
            over=token_softmax,
            label_smoothing=label_smoothing,
            history_bias=history_bias,
        )
        self.item_tokens = ItemTokens(self.vocabulary) if encoder_input == "items" else None
        self.encoder = Encoder(
            d_model=d_model,
            layers=[EncoderLayer(widths, dropout=dropout) for _ in range(n_encoder_layers)],
            position_bias=RelativePositionBias(n_heads=n_heads, d_model=d_model, bidirectional=True),
            dropout=dropout,
        )
        self.decoder = Decoder(
            d_model=d_model,
            layers=[DecoderLayer(widths, dropout=dropout) for _ in range(n_decoder_layers)],
            position_bias=RelativePositionBias(n_heads=n_heads, d_model=d_model, bidirectional=False),
            dropout=dropout,
        )

    def encode(
        self, history_tokens: Tensor, lengths: Tensor, users: Tensor | None = None, extra: Tensor | None = None
    ) -> Memory:
        """Encode histories.

        Args:
            history_tokens: int64 [B, T, S], codes per level, oldest item first; positions past ``lengths`` are ignored.
            lengths: int64 [B], items in each history. An empty history is read as one padding item.
            users: int64 [B], needed with user tokens.
            extra: [B, T, D], added to the item vectors; needs ``encoder_input`` "items".

        Raises:
            ValueError: ``users`` is missing but the network has user tokens, or ``extra`` cannot be used.
        """
        embedded, valid = self._read(history_tokens, lengths, users, extra)
        # Batches of equal lengths are common and need no mask; checking for one would stall a GPU.
        unpadded = valid.device.type == "cpu" and bool(valid.all())
        padding = None if unpadded else mask_bias(valid)[:, None, None]
        mask = self._causal_mask(history_tokens) if self.causal else padding
        memory = self.decoder.project(self.encoder(embedded, mask), padding)
        if self.softmax.reads_history:
            known = Continuations.of_histories(history_tokens, lengths)
            memory = replace(memory, standing=Standing(known))
        return memory

    def _read(
        self, history_tokens: Tensor, lengths: Tensor, users: Tensor | None, extra: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the encoder input for histories, [B, M, D], and which of it is not padding, bool [B, M]."""
        here = torch.arange(history_tokens.shape[1], device=lengths.device)
        ids = self.vocabulary.token_ids(history_tokens) * (here < lengths[:, None])[..., None]
        valid = here < lengths.clamp(min=1)[:, None]
        if self.item_tokens is not None:
            embedded = self.item_tokens(ids)
            embedded = embedded if extra is None else embedded + extra
        elif extra is None:
            embedded = self.vocabulary(ids.flatten(1))
            valid = valid.repeat_interleave(history_tokens.shape[2], dim=1)
        else:
            raise ValueError("vectors are added to items, but the encoder reads tokens: set encoder_input to items")
        if not self.vocabulary.n_user_tokens:
            return embedded, valid
        if users is None:
            raise ValueError("this network has user tokens, but no user ids were given: pass users=")
        embedded = torch.cat([self.vocabulary(self.vocabulary.user_ids(users))[:, None], embedded], dim=1)
        return embedded, nn.functional.pad(valid, (1, 0), value=True)

    def _item_numbers(self, history_tokens: Tensor) -> Tensor:
        """Return the history item, from 0, at each of the encoder's M positions; −1 for the user."""
        _, n_items, n_levels = history_tokens.shape
        numbers = torch.arange(n_items, device=history_tokens.device)
        if self.item_tokens is None:
            numbers = numbers.repeat_interleave(n_levels)
        return nn.functional.pad(numbers, (1, 0), value=-1) if self.vocabulary.n_user_tokens else numbers

    def _causal_mask(self, history_tokens: Tensor) -> Tensor:
        """Let each position see its own item and earlier ones, [1, 1, M, M]; padding comes last."""
        numbers = self._item_numbers(history_tokens)
        return mask_bias(numbers[:, None] >= numbers)[None, None]

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
        """Return empty caches for decoding up to ``capacity`` tokens step by step, one per layer."""
        return [KeyValueCache(capacity) for _ in self.decoder.layers]

    def target_loss(self, memory: Memory, target_tokens: Tensor, prefixes: PrefixTree | None = None) -> Tensor:
        """Return the cross-entropy of the next item's tokens, averaged over examples and levels.

        Args:
            memory: of the histories, from :meth:`encode`.
            target_tokens: int64 [B, S], codes per level.
            prefixes: tree of the Semantic IDs that may be next; needed with ``token_softmax`` "tree".
        """
        inputs = nn.functional.pad(self.vocabulary.token_ids(target_tokens[:, :-1]), (1, 0))
        hidden = self.decode(inputs, Tree.sequence(inputs.shape[1], inputs.device), memory)
        return self.softmax.loss(hidden, target_tokens, self._beginning(memory.standing.known, prefixes)).mean()

    def _beginning(self, known: Continuations | None, prefixes: PrefixTree | None) -> Standing:
        """Return the standing of empty prefixes in training."""
        return Standing(known, Places.root(prefixes) if self.softmax.over_tree and prefixes is not None else None)

    def read_sequences(
        self,
        sequence_tokens: Tensor,
        lengths: Tensor,
        *,
        skipped: Tensor | None = None,
        users: Tensor | None = None,
        extra: Tensor | None = None,
    ) -> tuple[Memory, Tensor]:
        """Encode sequences without their last items, for :meth:`predicted_loss`.

        Args:
            sequence_tokens: int64 [B, n, S], codes per level, oldest first; positions past ``lengths`` are ignored.
            lengths: int64 [B], items of each sequence, 2 or more.
            skipped: int64 [B], how many items after the first are read but not predicted; None: none.
            users: see :meth:`encode`.
            extra: [B, n, D], as in :meth:`encode`; the last item's is not read.

        Returns:
            The memory visible to the S tokens of each of the P = n − 1 following items, and which of these items are
            predicted, bool [B, P].

        Raises:
            ValueError: the encoder is bidirectional and would see the predicted items.
        """
        if not self.causal:
            raise ValueError("one pass over a sequence needs a causal encoder: set encoder_attention to causal")
        history = sequence_tokens[:, :-1]
        embedded, _ = self._read(history, lengths - 1, users, None if extra is None else extra[:, :-1])
        encoded = self.encoder(embedded, self._causal_mask(history))
        here = torch.arange(history.shape[1], device=lengths.device)
        visible = here.repeat_interleave(history.shape[2])[:, None] >= self._item_numbers(history)
        predicted = here < lengths[:, None] - 1
        if skipped is not None:
            predicted &= here >= skipped[:, None]
        memory = self.decoder.project(encoded, mask_bias(visible)[None, None])
        if self.softmax.reads_history:
            memory = replace(memory, standing=Standing(Continuations.of_sequences(history)))
        return memory, predicted

    def predicted_loss(
        self, memory: Memory, following: Tensor, predicted: Tensor, prefixes: PrefixTree | None = None
    ) -> Tensor:
        """Return the cross-entropy of the items ``following`` [B, P, S] that are ``predicted``, from one pass.

        It is the mean of :meth:`target_loss` over the predicted items and their histories.
        """
        _, n_items, n_levels = following.shape
        inputs = nn.functional.pad(self.vocabulary.token_ids(following[..., :-1]), (1, 0))
        tree = Tree.sequence(n_levels, inputs.device, groups=n_items)
        hidden = self.decoder(self.vocabulary(inputs.flatten(1)), tree, memory).unflatten(1, (n_items, n_levels))
        known = memory.standing.known
        standing = self._beginning(None if known is None else known.at(predicted), prefixes)
        return self.softmax.loss(hidden[predicted], following[predicted], standing).mean()
