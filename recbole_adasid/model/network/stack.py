"""Encoder and decoder: layers, one shared relative position bias, a final normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from recbole_adasid.compute.layers import Dropout, RMSNorm
from recbole_adasid.model.network.attention import KeyValue, KeyValueCache
from recbole_adasid.model.network.block import DecoderLayer
from recbole_adasid.model.network.position import RelativePositionBias, mask_bias
from recbole_adasid.model.network.prefix_standing import Standing


class Stack(nn.Module):
    """Layers with one position bias, dropout at both ends and a final normalisation."""

    def __init__(
        self, *, d_model: int, layers: Sequence[nn.Module], position_bias: RelativePositionBias, dropout: float
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.position_bias = position_bias
        self.norm = RMSNorm(d_model=d_model)
        self.dropout = Dropout(p=dropout)


class Encoder(Stack):
    """Stack of encoder layers."""

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Encode ``x`` [B, T, D] → [B, T, D]; ``mask``, broadcastable to [B, 1, T, T], hides positions."""
        positions = torch.arange(x.shape[1], device=x.device)
        bias, mask = _scores_to_add(self.position_bias(positions, positions), mask)
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, bias, mask)
        return self.dropout(self.norm(x))


@dataclass(frozen=True)
class Memory:
    """The decoder's view of a batch of histories: keys and values of every layer, and the padding mask."""

    key_values: list[KeyValue]  # [B, H, M, d] each
    mask: Tensor | None  # broadcastable to [B, 1, Q, M]
    states: Tensor  # [B, M, D], the encoder's output
    standing: Standing = Standing()  # of the empty prefix

    @property
    def batch_size(self) -> int:
        """B."""
        return self.key_values[0][0].shape[0]


@dataclass(frozen=True)
class Tree:
    """Positions of decoded tokens. A sequence is the simplest tree: a token's ancestors are all tokens before it.

    Since a token only sees its ancestors, all beams of a user (or all prefixes of a catalogue) are decoded as the query
    positions of *one* sequence, so keys and values are neither copied nor reordered between steps.
    """

    query_depths: Tensor  # int64 [Q]
    key_depths: Tensor  # int64 [P + Q], earlier steps first
    visible: Tensor  # bool, broadcastable to [B, 1, Q, P + Q]: the token itself and its ancestors
    groups: int = 1  # number of such trees side by side, [B, groups · Q]; none sees another

    @classmethod
    def sequence(cls, length: int, device: torch.device, groups: int = 1) -> Tree:
        """Return the tree of plain left-to-right decoding, of ``groups`` sequences side by side."""
        depths = torch.arange(length, device=device)
        return cls(depths, depths, depths[:, None] >= depths[None, :], groups)


class Decoder(Stack):
    """Stack of decoder layers."""

    def project(self, encoded: Tensor, mask: Tensor | None) -> Memory:
        """Prepare the encoder's output [B, M, D] for the cross-attention of every layer."""
        layers = cast("list[DecoderLayer]", self.layers)
        return Memory([layer.project(encoded) for layer in layers], mask, encoded)

    def forward(self, x: Tensor, tree: Tree, memory: Memory, caches: Sequence[KeyValueCache] | None = None) -> Tensor:
        """Decode embedded tokens ``x`` [B, Q, D] → hidden states [B, Q, D].

        Args:
            caches: of every layer, from earlier steps; ``x`` is appended. Only without gradients.
        """
        bias, mask = _scores_to_add(self.position_bias(tree.query_depths, tree.key_depths), mask_bias(tree.visible))
        x = self.dropout(x)
        for i, layer in enumerate(self.layers):
            x = layer(
                x,
                bias=bias,
                mask=mask,
                memory=memory.key_values[i],
                memory_mask=memory.mask,
                groups=tree.groups,
                cache=None if caches is None else caches[i],
            )
        return self.dropout(self.norm(x))


def _scores_to_add(bias: Tensor, mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Add the mask to the bias once for all layers; with gradients the small bias stays separate, to get its own."""
    if mask is None or torch.is_grad_enabled():
        return bias, mask
    return None, bias + mask
